//! What was added to a case later, each with dice of its own, so that what a seed draws besides stays as it was.

use super::Scenario;
use super::envelope::PATIENCE_BEYOND_LAG_S;
use super::weather::Weather;
use crate::dice::Dice;

/// Turns a seed into that of the ways of working.
const WIDER: u64 = 0x5A7E_D501_EE57;
/// Turns a seed into that of how often prices move.
const DEARER: u64 = 0x00DE_A2E2_B111;
/// Turns a seed into that of tokens that are kept for seconds.
const BRIEF: u64 = 0x00B2_1EF7_0CE5;

impl Scenario {
    pub(super) fn widen(&mut self, seed: u64) {
        self.ways_of_working(&Dice::new(seed ^ WIDER));
        self.weather.prices = Dice::new(seed ^ DEARER).pick(&[0, 0, 300, 700]);
        let dice = &Dice::new(seed ^ BRIEF);
        if dice.chance(100) {
            self.brief_tokens(dice);
        }
    }

    /// Signals, saved plans, and files that buy what fits.
    fn ways_of_working(&mut self, dice: &Dice) {
        self.weather.signal = dice.pick(&[0, 0, 0, 10, 60]);
        self.weather.saved = dice.pick(&[0, 0, 300, 900]);
        if !dice.chance(200) {
            return;
        }
        let month: i64 = self.instances.iter().filter_map(|instance| instance.price).sum();
        let mut parts = self.versions[0].parts.clone();
        for part in &mut parts {
            part.soonest_first = dice.chance(800);
            if dice.chance(400) {
                part.max_charge = Some((month * dice.between(20, 200) / 100).max(1));
            } else if dice.chance(300) {
                part.max_renewals = Some(1 + dice.index(4));
            }
        }
        for version in &mut self.versions {
            version.parts.clone_from(&parts);
        }
    }

    /// Tokens are forgotten some seconds after their order shows. Then nobody but the run itself must be able to
    /// send under the token: runs are single and minutes apart, and no request is late. And as readings are
    /// swift, a run must not come to grief by what it sends again: whenever its own order may exist it reads
    /// anew, and between that reading and the arrival lies less than a second.
    fn brief_tokens(&mut self, dice: &Dice) {
        self.brief_tokens = true;
        self.lag_s = dice.between(1, 15);
        self.retention_s = self.lag_s + dice.between(1, 10);
        self.patience_s = u64::try_from(self.lag_s).unwrap() + PATIENCE_BEYOND_LAG_S;
        self.flight_s_max = 0;
        let renew = self.weather.renew.max(450);
        self.weather = Weather { renew, read: 0, slow: 0, throttled: 300, ..self.weather };
    }
}
