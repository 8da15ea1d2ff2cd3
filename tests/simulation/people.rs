//! People who do by hand what they should not: renew, refund, switch, lock, release.

use chrono::{SecondsFormat, TimeDelta};

use crate::coverage::Seen;
use crate::draw::Site;
use crate::prices;
use crate::transport::{Parameters, signed, to_call};
use crate::world::{Sender, World};

/// Somebody does something to some instance.
pub fn act(world: &World) {
    let (dice, scenario) = (&world.dice, &world.scenario);
    let number = dice.index(scenario.instances.len());
    let instance = &scenario.instances[number];
    let id = instance.id.as_str();
    if world.emulator.borrow().instance(id, world.now()).is_none() {
        return;
    }
    match dice.roll(100) {
        0..=39 => renew(world, number),
        40..=54 => refund(world, id),
        55..=79 => flip(world, id),
        80..=89 => lock(world, id),
        90..=95 => {
            world.seen.note(Seen::PeoplePrice);
            prices::set(world, id, dice.between(100, 90_000));
        }
        _ if dice.chance(200) => {
            world.seen.note(Seen::PeopleRemove);
            world.say(|| format!("  ++  a person releases {id}"));
            world.judge.removed(id);
            world.emulator.borrow_mut().remove(id);
        }
        _ => {}
    }
}

/// At the console: another client, another token, any term.
fn renew(world: &World, number: usize) {
    let instance = &world.scenario.instances[number];
    world.seen.note(Seen::PeopleRenew);
    world.say(|| format!("  ++  a person renews {} by hand", instance.id));
    let now = world.now();
    let pairs = [
        ("Action", "RenewInstance".to_owned()),
        ("Version", "2014-05-26".to_owned()),
        ("Format", "JSON".to_owned()),
        ("AccessKeyId", renewctl::emulator::ACCESS_KEY_ID.to_owned()),
        ("SignatureMethod", "HMAC-SHA1".to_owned()),
        ("SignatureVersion", "1.0".to_owned()),
        ("SignatureNonce", format!("person{}", world.dice.next())),
        ("Timestamp", now.to_rfc3339_opts(SecondsFormat::Secs, true)),
        ("InstanceId", instance.id.clone()),
        ("Period", world.dice.pick(&["1", "1", "2"]).to_owned()),
        ("PeriodUnit", "Month".to_owned()),
    ];
    let parameters: Parameters = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let headers = vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    let url = format!("https://ecs.{}.aliyuncs.com/", instance.region);
    let ticket = world.launch(
        Sender::Person,
        "RenewInstance",
        to_call(&url, headers, signed(parameters)),
        now,
        None,
        false,
    );
    let _ = world.landed(ticket);
}

/// The last order is taken back: the expiry is the one before.
fn refund(world: &World, id: &str) {
    let Some(before) = world.judge.last_order_before(id) else { return };
    // What is refunded to the past is a released instance, which is another story.
    if before <= world.now() + TimeDelta::hours(1) {
        return;
    }
    world.seen.note(Seen::PeopleRefund);
    world.say(|| format!("  ++  a person takes the last order of {id} back: it expires {before} again"));
    world.judge.refunded(id);
    world.emulator.borrow_mut().set_expiry(id, before);
}

fn flip(world: &World, id: &str) {
    let (status, months) = match world.dice.roll(4) {
        0 => ("NotRenewal", 0),
        1 => ("Normal", 0),
        2 => ("AutoRenewal", 1),
        _ => ("AutoRenewal", if world.scenario.site == Site::China { 3 } else { 6 }),
    };
    world.seen.note(Seen::PeopleFlip);
    world.say(|| format!("  ++  a person sets auto-renewal of {id} to {status}"));
    world.judge.settings_changed(world.now(), &Sender::Person);
    world.emulator.borrow_mut().set_setting(id, status, months);
}

fn lock(world: &World, id: &str) {
    let lock = if world.judge.lock_of(id).is_some() {
        None
    } else {
        Some(world.dice.pick(&["financial", "security"]))
    };
    world.seen.note(Seen::PeopleLock);
    world.say(|| format!("  ++  {id} is locked: {lock:?}"));
    world.judge.locked(id, lock);
    world.emulator.borrow_mut().set_lock(id, lock);
}
