//! Limits on use.

use clap::Args;

use super::Switch;

/// Limits on use.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitConfig {
    /// Whether the number of requests is limited
    #[arg(long, env = "RATE_LIMIT", value_enum, default_value_t = Switch::On)]
    pub rate_limit: Switch,
    /// Questions of one student a minute
    #[arg(long, env = "RATE_LIMIT_LEARNER_PER_MINUTE", default_value_t = 20)]
    pub rate_limit_learner_per_minute: u32,
    /// Questions of all students behind one address a minute (a school shares one address). Students known for a day and
    /// newer students are counted separately
    #[arg(long, env = "RATE_LIMIT_ADDRESS_PER_MINUTE", default_value_t = 600)]
    pub rate_limit_address_per_minute: u32,
    /// Calls of `/api/v1/chat/*` without a student's cookie from one address a minute, at most
    /// RATE_LIMIT_ADDRESS_PER_MINUTE. Built-in and cached guides do not count
    #[arg(long, env = "RATE_LIMIT_ANONYMOUS_PER_MINUTE", default_value_t = 60)]
    pub rate_limit_anonymous_per_minute: u32,
    /// New students from one address a minute, at most RATE_LIMIT_ADDRESS_PER_MINUTE; 120 are three classes that start
    /// together
    #[arg(long, env = "RATE_LIMIT_NEW_LEARNERS_PER_MINUTE", default_value_t = 120)]
    pub rate_limit_new_learners_per_minute: u32,
    /// Tokens that students' questions and guides may use a day; 0 for no limit. A day begins at midnight in Korea
    #[arg(long, env = "DAILY_TOKEN_BUDGET", default_value_t = 0)]
    pub daily_token_budget: u64,
    /// Tokens that calls of `/api/v1/chat/*` may use a day, apart from DAILY_TOKEN_BUDGET; 0 for no limit. If not set, a
    /// tenth of DAILY_TOKEN_BUDGET; without that, 500000 with APP_ENV=production, else no limit
    #[arg(long, env = "STATELESS_DAILY_TOKEN_BUDGET")]
    pub stateless_daily_token_budget: Option<u64>,
    /// Tokens of them that calls from one address may use a day at one instance; 0 for no limit. If not set, a quarter of
    /// STATELESS_DAILY_TOKEN_BUDGET
    #[arg(long, env = "STATELESS_ADDRESS_DAILY_TOKENS")]
    pub stateless_address_daily_tokens: Option<u64>,
    /// Answers, stateless calls and guides at a time on this instance, about 200 KB each; above that, students are asked to
    /// wait a moment. Guides use at most a quarter of them, calls of `/api/v1/chat/*` without a student's cookie at most
    /// half
    #[arg(long, env = "MAX_TURNS", default_value_t = 500)]
    pub max_turns: usize,
    /// Event streams of answers that are open at a time on this instance, about 25 KB each; above that, a client is asked
    /// to come back
    #[arg(long, env = "MAX_FOLLOWERS", default_value_t = 5_000)]
    pub max_followers: usize,
    /// Event streams of one student at a time: tabs, devices, and connections that broke unnoticed
    #[arg(long, env = "MAX_FOLLOWERS_PER_LEARNER", default_value_t = 50)]
    pub max_followers_per_learner: usize,
    /// Event streams of one answer at a time
    #[arg(long, env = "MAX_FOLLOWERS_PER_TURN", default_value_t = 20)]
    pub max_followers_per_turn: usize,
    /// Guides kept in memory, about 4 KB each
    #[arg(long, env = "GUIDE_CACHE", default_value_t = 500)]
    pub guide_cache: u64,
    /// Megabytes of answers kept in memory as HTML, 2 to 10 KB each; reading a conversation again then costs no rendering.
    /// 0 keeps none
    #[arg(long, env = "ANSWER_CACHE_MB", default_value_t = 16)]
    pub answer_cache_mb: u64,
}

/// Tokens that may be used a day; 0 for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetLimits {
    /// By students.
    pub students: u64,
    /// By all stateless calls together.
    pub stateless: u64,
    /// By the stateless calls of one address, at one instance.
    pub address: u64,
}
