//! The rights that our actions need, by the names that RAM gives them (reference 2.8; `ram` of each action
//! in `data/api-actions.json`). GetCallerIdentity needs none.

/// One right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The action, as a policy names it.
    pub name: &'static str,
    /// The action of the API.
    pub action: &'static str,
    /// Whether it can be given for single instances. Otherwise it is given for `*`.
    pub by_instance: bool,
    /// Whether only a run that charges and sets needs it.
    pub changes: bool,
    /// What is not done without it, if it can be done without.
    pub optional: Option<&'static str>,
}

const fn ecs(name: &'static str, action: &'static str, changes: bool) -> Permission {
    Permission { name, action, by_instance: true, changes, optional: None }
}

/// All of them, in the order in which a run needs them.
pub const PERMISSIONS: [Permission; 6] = [
    ecs("ecs:DescribeInstances", "DescribeInstances", false),
    ecs("ecs:DescribeInstanceAutoRenewAttribute", "DescribeInstanceAutoRenewAttribute", false),
    ecs("ecs:DescribeRenewalPrice", "DescribeRenewalPrice", false),
    ecs("ecs:RenewInstance", "RenewInstance", true),
    ecs("ecs:ModifyInstanceAutoRenewAttribute", "ModifyInstanceAutoRenewAttribute", true),
    Permission {
        // Three c: so it is spelled on the page.
        name: "bss:DescribeAcccount",
        action: "QueryAccountBalance",
        by_instance: false,
        changes: true,
        optional: Some("the balance is not looked at before the first charge"),
    },
];
