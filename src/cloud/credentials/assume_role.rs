//! A role by another key: AssumeRole (reference 7.2). The key before it is got anew for each session.

use super::{Around, Issued, Reason, Source, sts};

/// A role, and who vouches for it.
pub(super) struct AssumedRole {
    pub(super) wanted: sts::Wanted,
    pub(super) external_id: Option<String>,
    /// Whose key asks for the role.
    pub(super) base: Source,
}

impl AssumedRole {
    pub(super) async fn issue(&self, around: &Around) -> Result<Issued, Reason> {
        let base = self.base.issue(around).await?;
        let mut parameters = self.wanted.parameters();
        parameters.extend(self.external_id.clone().map(|id| ("ExternalId", id)));
        let question = sts::Question {
            action: "AssumeRole",
            host: &self.wanted.host,
            parameters: &parameters,
            signed_by: Some(&base.key),
        };
        sts::session(around, &question).await
    }
}
