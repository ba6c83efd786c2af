//! The same desk from history: backtest, verify, explain, storm.
