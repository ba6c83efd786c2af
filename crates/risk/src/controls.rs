//! The table of controls: what each is for, where the law asks for it, and where it is configured.

use crate::refusal::Control;

/// Which orders a control is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asked {
    /// Entries.
    Entries,
    /// Reductions and protections.
    Exits,
    /// Entries, reductions and protections.
    All,
    /// Nothing in this crate: the desk makes the refusal.
    Desk,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlRow {
    /// The control; its refusal has the same name.
    pub control: Control,
    /// What it is for.
    pub purpose: &'static str,
    /// The article of RTS 6 (Delegated Regulation (EU) 2017/589), or the other rule that asks for it.
    pub article: &'static str,
    /// Where it is configured, below `risk`; `-` when there is nothing to choose.
    pub key: &'static str,
    /// The name of its counter.
    pub counter: &'static str,
    /// Which orders it is asked about.
    pub asked: Asked,
}

macro_rules! table {
    ($($control:ident, $asked:ident, $counter:literal, $article:literal, $key:literal, $purpose:literal;)*) => {
        &[$(ControlRow {
            control: Control::$control,
            purpose: $purpose,
            article: $article,
            key: $key,
            counter: concat!("refused.", $counter),
            asked: Asked::$asked,
        }),*]
    };
}

/// Every control, in the order of [`Control::ALL`].
pub const CONTROLS: &[ControlRow] = table! {
    Fault, Desk, "fault", "15(5)", "-", "a check broke: refused";
    UnknownStrategy, Entries, "unknown_strategy", "12", "strategies", "every order has a known strategy";
    UnknownSymbol, All, "unknown_symbol", "15(5)", "symbols", "every order has a known instrument";
    NotPermitted, Entries, "not_permitted", "15(5)", "strategies.symbols", "no permission for the instrument";
    LedgerUnsound, Entries, "ledger_unsound", "17(3)", "-", "no entries on a ledger that was contradicted";
    KillSwitch, Entries, "kill_switch", "12", "account.loss_halt", "kill switch, by scope, three levels, latched";
    StrategyDayLoss, Entries, "strategy_day_loss", "15(4)", "strategies.loss.day_max", "daily loss per strategy, latched";
    StrategyDrawdown, Entries, "strategy_drawdown", "15(4)", "strategies.loss.drawdown_max",
        "total drawdown per strategy, latched";
    AccountDayLoss, Entries, "account_day_loss", "15(4)", "account.loss.day_max", "daily loss of the account, latched";
    AccountDrawdown, Entries, "account_drawdown", "15(4)", "account.loss.drawdown_max",
        "total drawdown of the account, latched";
    OutsideSession, Entries, "outside_session", "15(4)", "strategies.session", "entries only within session windows";
    Blackout, Entries, "blackout", "15(4)", "-", "no entries during blackouts (given at run time)";
    MessageRate, All, "message_rate", "15(1)(d)", "account.messages, account.messages_for_exits",
        "maximum messages of the account";
    StrategyMessageRate, Entries, "strategy_message_rate", "15(1)(d)", "strategies.messages",
        "maximum messages of a strategy";
    Malformed, All, "malformed", "15(5)", "-", "not a number, overflow, off the grid: refused";
    CrossedQuote, Entries, "crossed_quote", "15(1)(a)", "-", "no entries on a crossed quote";
    StaleQuote, Entries, "stale_quote", "15(1)(a)", "symbols.stale.age_max", "no entries on an old quote";
    NoReference, Entries, "no_reference", "15(1)(a)", "-", "no entries without a reference price";
    WideSpread, Entries, "wide_spread", "15(4)", "symbols.spread.max", "absolute spread guard";
    UnusualSpread, Entries, "unusual_spread", "15(4)", "symbols.spread.multiple_max", "relative spread guard";
    PriceCollar, Entries, "price_collar", "15(1)(a)", "symbols.price_collar.distance_max", "price collar per order";
    PriceMove, Entries, "price_move", "15(1)(a)", "symbols.price_move", "price collar over a period";
    NoStop, Entries, "no_stop", "15(4)", "strategies.stop", "no entries without a stop";
    StopTooNear, All, "stop_too_near", "15(5)", "-", "broker's stop level and the spread";
    TargetTooNear, All, "target_too_near", "15(5)", "-", "broker's stop level";
    NoConversion, Entries, "no_conversion", "15(4)", "-", "no entries that cannot be valued";
    NoEquity, Entries, "no_equity", "15(4)", "-", "no entries without equity";
    NoEdge, Entries, "no_edge", "15(4)", "-", "no stake on a bet that does not pay";
    TooSmall, Entries, "too_small", "15(5)", "-", "never rounded up to the smallest order";
    OrderVolume, Entries, "order_volume", "15(1)(c)", "symbols.order_volume.max", "maximum order volume";
    OrderValue, Entries, "order_value", "15(1)(b)", "symbols.order_value.max", "maximum order value";
    TradeRisk, Entries, "trade_risk", "15(4)", "strategies.trade_risk.max_ppm", "maximum risk of one trade";
    LossRoom, Entries, "loss_room", "15(4)", "strategies.loss, account.loss",
        "all stops together stay within the loss limits";
    LaunchEntries, Entries, "launch_entries", "8", "strategies.launch.entries_max", "number of orders during a launch";
    LaunchValue, Entries, "launch_value", "8", "strategies.launch.order_value_max", "order value during a launch";
    SymbolPosition, Entries, "symbol_position", "15(5), 17(4)", "symbols.position",
        "long and short position per instrument";
    PositionCount, Entries, "position_count", "15(4)", "symbols.position, strategies.exposure, account.exposure",
        "number of positions per instrument, strategy, account";
    StrategyValue, Entries, "strategy_value", "15(5), 17(4)", "strategies.exposure.value_max", "exposure per strategy";
    StrategyRisk, Entries, "strategy_risk", "15(4)", "strategies.exposure.risk_max", "open risk per strategy";
    AccountValue, Entries, "account_value", "15(5)", "account.exposure.value_max", "exposure of the account";
    AccountRisk, Entries, "account_risk", "15(4)", "account.exposure.risk_max", "open risk of the account";
    CurrencyNet, Entries, "currency_net", "15(4)", "currencies.net_max", "net exposure per currency";
    Hedged, Entries, "hedged", "NFA 2-43(b)", "account.preset", "no offsetting positions";
    Margin, Entries, "margin", "15(4); ESMA 2018 CFD measures; CFTC Part 5", "account.preset",
        "initial margin by leverage class";
    MarginLevel, Entries, "margin_level", "15(4); ESMA 2018 CFD measures", "account.margin_level_min_percent",
        "distance from the margin close-out";
    Duplicate, Entries, "duplicate", "15(1); SEC 15c3-5", "strategies.duplicates.window", "duplicate orders";
    RepeatedExecution, Entries, "repeated_execution", "15(3)", "strategies.repeats",
        "repeated automated execution throttle, latched";
    ExceedsOpen, Exits, "exceeds_open", "15(5)", "-", "no more is closed than is open";
    NotOurs, Exits, "not_ours", "15(5)", "-", "exits name the strategy's own position";
    NotOldest, Exits, "not_oldest", "NFA 2-43(b)", "account.preset", "oldest position closed first";
    StopLoosened, Exits, "stop_loosened", "15(4)", "strategies.stop_change", "stops only tighten";
    Frozen, Exits, "frozen", "15(5)", "-", "broker's freeze level";
    Unchanged, Exits, "unchanged", "15(1)(d)", "-", "no message that changes nothing";
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_row() {
        assert_eq!(CONTROLS.len(), Control::ALL.len());
        for (row, control) in CONTROLS.iter().zip(Control::ALL) {
            assert_eq!(row.control, *control);
            // The counter is the refusal's name in small letters.
            let plain = row.counter.trim_start_matches("refused.").replace('_', "");
            assert_eq!(plain, control.name().to_lowercase());
            assert!(!row.article.is_empty() && !row.key.is_empty() && !row.purpose.is_empty());
        }
    }
}
