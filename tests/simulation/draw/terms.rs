//! Sites, terms and settings.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    China,
    International,
}

/// A term to buy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Weeks(u32),
    Months(u32),
}

impl Period {
    pub fn text(self) -> String {
        match self {
            Self::Weeks(n) => format!("{n}w"),
            Self::Months(n) => format!("{n}mo"),
        }
    }

    pub fn days_min(self) -> i64 {
        match self {
            Self::Weeks(n) => i64::from(n) * 7,
            Self::Months(1) => 28,
            Self::Months(2) => 59,
            Self::Months(n) => i64::from(n) * 365 / 12 - 2,
        }
    }
}

/// A setting, live or wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auto {
    Off,
    Never,
    Every(Period),
}

impl Auto {
    pub fn text(self) -> String {
        match self {
            Self::Off => "off".to_owned(),
            Self::Never => "never".to_owned(),
            Self::Every(period) => period.text(),
        }
    }
}
