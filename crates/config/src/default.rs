//! The desk that runs when no file is given: the same text as a file, made for the symbols at hand.

use market::{Currency, Instrument, MarginClass, Points};

/// What an instrument is there for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It is traded; another instrument may lead it, by name.
    Trade {
        /// The leader's name.
        leader: Option<String>,
    },
    /// It is only listened to.
    Listen,
}

/// Typical figures of an instrument's class, in pips: target, stop, collar, widest spread.
struct Scale {
    target: i64,
    stop: i64,
    collar: i64,
    spread: i64,
}

const fn scale(class: MarginClass) -> Scale {
    match class {
        MarginClass::MajorPair => Scale { target: 6, stop: 8, collar: 30, spread: 4 },
        MarginClass::MinorPairGoldIndex => Scale { target: 15, stop: 20, collar: 100, spread: 15 },
        MarginClass::Commodity | MarginClass::Share => Scale { target: 20, stop: 30, collar: 200, spread: 30 },
        MarginClass::Crypto => Scale { target: 600, stop: 800, collar: 5_000, spread: 300 },
    }
}

/// The default configuration for these instruments, the traded ones first, on an account in US dollars.
///
/// # Errors
/// In words, when an amount of an instrument cannot become dollars without a rate that nobody gave.
pub fn default_text(instruments: &[(Instrument, Role)]) -> Result<String, String> {
    let traded: Vec<&Instrument> =
        instruments.iter().filter(|(_, role)| *role != Role::Listen).map(|(instrument, _)| instrument).collect();
    let first = traded.first().ok_or("no instrument is to be traded")?;
    if let Some(other) = traded.iter().find(|other| other.pip != first.pip) {
        return Err(format!("{} and {} have pips of different sizes; write a configuration", first.name, other.name));
    }
    let tables: Result<Vec<String>, String> = instruments.iter().map(|(i, role)| instrument(i, role)).collect();
    let names: Vec<String> = traded.iter().map(|instrument| format!("\"{}\"", instrument.name)).collect();
    let mut currencies: Vec<&str> = instruments.iter().flat_map(|(i, _)| [i.base.code(), i.quote.code()]).collect();
    currencies.push("USD");
    currencies.sort_unstable();
    currencies.dedup();
    let limits: Vec<String> = currencies.iter().map(|code| format!("{code} = \"2000000.00 USD\"")).collect();
    let Scale { target, stop, .. } = scale(first.margin_class);
    let crypto = first.margin_class == MarginClass::Crypto;
    Ok(include_str!("default.toml")
        .replace("{instruments}", &tables?.join("\n"))
        .replace("{traded}", &names.join(", "))
        .replace("{currencies}", &limits.join(", "))
        .replace("{target}", &format!("{target} pip"))
        .replace("{stop}", &format!("{stop} pip"))
        .replace("{commission_pips}", &pips(first, commission_points(first)))
        .replace("{deviation}", &pips(first, Points(first.pip.0 * target / 10)))
        .replace("{step}", &pips(first, Points((first.pip.0 * target / 12).max(1))))
        .replace("{baseline_lots}", &first.show_lots(baseline_lots(first)))
        .replace("{sessions}", if crypto { "\"mon-sun 00:00-24:00\"" } else { "\"mon-fri 06:00-18:00\"" }))
}

/// A tenth of a lot, or the smallest order where that is more.
fn baseline_lots(instrument: &Instrument) -> market::Lots {
    let tenth = market::instrument::decimal("0.1", instrument.volume_digits).map_or(instrument.lot_min, market::Lots);
    tenth.max(instrument.lot_min)
}

fn pips(instrument: &Instrument, distance: Points) -> String {
    if distance.0 % instrument.pip.0 == 0 {
        format!("{} pip", distance.0 / instrument.pip.0)
    } else {
        format!("{} point", distance.0)
    }
}

/// The commission of a round trip in points: 7 USD a lot of 100,000 units is 0.7 pip of a pair quoted in dollars; for
/// others 0.7 pip is a start that the configuration states, where it can be changed.
fn commission_points(instrument: &Instrument) -> Points {
    match instrument.margin_class {
        MarginClass::Crypto => Points(instrument.pip.0 * 30),
        MarginClass::MajorPair | MarginClass::MinorPairGoldIndex | MarginClass::Commodity | MarginClass::Share => {
            Points((instrument.pip.0 * 7 / 10).max(1))
        }
    }
}

fn instrument(instrument: &Instrument, role: &Role) -> Result<String, String> {
    let class = match instrument.margin_class {
        MarginClass::MajorPair => "major_pair",
        MarginClass::MinorPairGoldIndex => "minor_pair_gold_index",
        MarginClass::Commodity => "commodity",
        MarginClass::Share => "share",
        MarginClass::Crypto => "crypto",
    };
    let Instrument { name, digits, tick_size, pip, volume_digits, contract_size, base, quote, .. } = instrument;
    let lots = |lots| format!("\"{} lot\"", instrument.show_lots(lots));
    let (leader, role_name) = match role {
        Role::Trade { leader: Some(leader) } => (format!("leader = \"{leader}\"\n"), "trade"),
        Role::Trade { leader: None } => (String::new(), "trade"),
        Role::Listen => (String::new(), "listen"),
    };
    let head = format!(
        "[[instrument]]\nname = \"{name}\"\nrole = \"{role_name}\"\n{leader}digits = {digits}\ntick_size = {}                    # points\npip = {}                         # points\nvolume_digits = {volume_digits}\nlot_step = {}\nlot_min = {}\nlot_max = {}\ncontract_size = {contract_size}\nbase = \"{base}\"\nquote = \"{quote}\"\nstop_level = \"{} point\"\nfreeze_level = \"{} point\"\nmargin_class = \"{class}\"\nfeatures = \"all\"                  # all | none\nspread_widening = 1.5              # times its average: widened\nleader_stale = \"10 s\"\n",
        tick_size.0,
        pip.0,
        lots(instrument.lot_step),
        lots(instrument.lot_min),
        lots(instrument.lot_max),
        instrument.stop_level.0,
        instrument.freeze_level.0,
    );
    let traded = match role {
        Role::Listen => String::new(),
        Role::Trade { .. } => traded(instrument)?,
    };
    Ok(head + BELIEF + &traded)
}

const BELIEF: &str = "[instrument.belief]                # what follows from a doubt: reject | flag\ncrossed = \"reject\"\nlocked = \"flag\"\nbackwards = \"reject\"\nduplicate = \"reject\"\ngap = \"60 s\"\noutlier = \"reject\"\noutlier_jump = \"0.5 %\"\noutlier_confirmations = 3\nstale = \"reject\"\nstale_age = \"2 s\"\n";

fn traded(instrument: &Instrument) -> Result<String, String> {
    let usd = Currency::new("USD");
    let is_dollar =
        |currency: Currency| Some(currency) == usd || currency.code() == "USDT" || currency.code() == "USDC";
    let conversion = if is_dollar(instrument.quote) && Some(instrument.quote) == usd {
        "\"same\""
    } else if Some(instrument.base) == usd {
        "\"own_mid\""
    } else if is_dollar(instrument.quote) {
        "{ numerator = 1, denominator = 1 }   # a dollar coin taken for a dollar"
    } else {
        return Err(format!(
            "{} is quoted in {}, and there is no rate to US dollars; write a configuration with a conversion",
            instrument.name, instrument.quote
        ));
    };
    let crypto = instrument.margin_class == MarginClass::Crypto;
    let commission =
        if crypto { "{ maker = \"0.02 %\", taker = \"0.05 %\" }" } else { "{ per_lot_side = \"3.50 USD\" }" };
    let (swap, session) = if crypto {
        ("\"none\"", "\"always\"")
    } else {
        (
            "{ long_points = -3.0, short_points = 0.5, zone = \"New York\", at = \"17 h\", triple = \"wed\" }",
            "\"foreign_exchange\"      # closed from Friday 17:00 to Sunday 17:00 in New York",
        )
    };
    let Scale { collar, spread, .. } = scale(instrument.margin_class);
    let volume = instrument
        .lot_max
        .at_most(market::Lots(market::instrument::decimal("5", instrument.volume_digits).unwrap_or(1)));
    let volume = instrument.show_lots(volume);
    Ok(format!(
        "[instrument.venue]\nconversion = {conversion}\nslippage = {{ mean_points = 0.5, most = \"{} point\" }}   # or \"none\", {{ fixed = .. }}\ncommission = {commission}\nswap = {swap}\nsession = {session}\n[instrument.limits]\nprice_collar = \"{collar} pip\"\nprice_move = {{ within = \"1 min\", max = \"{collar} pip\" }}\norder_volume_max = \"{volume} lot\"\norder_value_max = \"700000.00 USD\"\nspread_max = \"{spread} pip\"\nspread_multiple_max = 4.0\nquote_age_max = \"2 s\"\nlong_max = \"{volume} lot\"\nshort_max = \"{volume} lot\"\npositions_max = 4\n",
        instrument.pip.0 * 2,
    ))
}
