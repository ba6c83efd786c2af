//! What a file says about itself: its zone and its symbol.

use std::path::Path;

use super::{Options, frames, table, ticks};
use crate::error::{Fault, FeedError};
use crate::format::{self, Format};
use crate::open::{Body, Content};
use crate::symbols::plain;
use crate::zone::{Clock, Zone, ZoneFrom, ZoneUse};

/// The clock of a file: what the user gave, else what the format defines, else what the market is known for.
pub(crate) fn zone_of(content: &Content, options: &Options) -> Result<(Clock, ZoneUse), FeedError> {
    let (format, name) = (content.format, &content.name);
    let told = |zone: &Zone, from| Ok((Clock::new(zone.clone()), ZoneUse { zone: zone.to_string(), from }));
    let by_definition = matches!(
        format,
        Format::CsvEpoch | Format::Bi5 | Format::Binance | Format::Hyperliquid | Format::Bybit | Format::Tardis
    );
    match &options.zone {
        Some(zone) if by_definition && *zone != Zone::Utc => {
            return Err(FeedError::new(name, Fault::ZoneNotApplicable(format.name().to_owned())));
        }
        Some(zone) if !by_definition => return told(zone, ZoneFrom::Given),
        _ => {}
    }
    let needed = || Err(FeedError::new(name, Fault::ZoneNeeded(format.name().to_owned())));
    let est = || Zone::parse("EST");
    match format {
        Format::HistData => told(&est()?, ZoneFrom::Format),
        Format::CsvIso if table::prints_offset(&content.head) => told(&Zone::Utc, ZoneFrom::Record),
        Format::Lean => match market_of(name, options).as_deref() {
            // Found by correlating minute returns: LEAN's FXCM days are UTC-5 without daylight saving, OANDA's UTC.
            Some("fxcm") => told(&est()?, ZoneFrom::Market),
            Some("oanda") => told(&Zone::Utc, ZoneFrom::Market),
            _ => needed(),
        },
        Format::CsvIso | Format::Mt4 | Format::Mt5 => needed(),
        Format::Hst => Ok((Clock::new(Zone::Utc), ZoneUse { zone: "not stated".into(), from: ZoneFrom::Unstated })),
        Format::CsvEpoch
        | Format::Bi5
        | Format::Binance
        | Format::Hyperliquid
        | Format::Bybit
        | Format::Tardis
        | Format::TrueFx
        | Format::Parquet => told(&Zone::Utc, ZoneFrom::Format),
    }
}

fn market_of(name: &str, options: &Options) -> Option<String> {
    if let Some(market) = &options.market {
        return Some(market.to_ascii_lowercase());
    }
    let folders = Path::new(name).parent()?;
    folders
        .iter()
        .rev()
        .filter_map(|part| part.to_str())
        .map(str::to_ascii_lowercase)
        .find(|part| part == "fxcm" || part == "oanda")
}

/// The symbol that the content itself names.
pub(crate) fn symbol_of(content: &Content) -> Result<Option<String>, FeedError> {
    let line = format::first_line(&content.head);
    let lossy = |bytes: &[u8]| plain(&String::from_utf8_lossy(bytes));
    Ok(match content.format {
        Format::TrueFx => line.split(|byte| *byte == b',').next().map(lossy),
        Format::Lean => content.entry.as_deref().and_then(table::lean_symbol),
        Format::Hst => crate::bars::symbol(&content.head),
        Format::Tardis => {
            let row = content.head.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
            row.split(|byte| *byte == b',').nth(1).map(lossy)
        }
        Format::Binance => frames::symbol(&content.head),
        Format::Parquet => match &content.body {
            Body::Parquet(file) => ticks::symbol(&content.name, file)?,
            Body::Stream(_) => None,
        },
        Format::CsvEpoch
        | Format::CsvIso
        | Format::Bi5
        | Format::HistData
        | Format::Mt4
        | Format::Mt5
        | Format::Hyperliquid
        | Format::Bybit => None,
    }
    .filter(|symbol| !symbol.is_empty()))
}
