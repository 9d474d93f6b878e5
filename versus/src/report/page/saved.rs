//! A run that was saved as JSON.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

use crate::during::During;
use crate::results::Results;

/// Reads `results.json`, or what `--json` has written.
///
/// JSON has no NaN: a figure that was none is `null` there, and is left out here.
///
/// # Errors
/// When the file cannot be read, or is not of this form.
pub fn read(path: &Path) -> io::Result<Results> {
    let reading = || format!("reading {}", path.display());
    let text = fs::read_to_string(path).during(reading())?;
    let mut value: Value = serde_json::from_str(&text)
        .map_err(io::Error::from)
        .during(reading())?;
    leave_out(&mut value);
    serde_json::from_value(value)
        .map_err(io::Error::from)
        .during(reading())
}

/// Removes figures and spreads that are not numbers.
fn leave_out(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.retain(|item| !is_nothing(item));
            items.iter_mut().for_each(leave_out);
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == "figures"
                    && let Value::Object(figures) = field
                {
                    figures.retain(|_, figure| !figure.is_null() && !is_nothing(figure));
                }
                leave_out(field);
            }
        }
        _ => {}
    }
}

/// Whether it is a spread of what was no number.
fn is_nothing(value: &Value) -> bool {
    let fields = value.as_object();
    fields
        .is_some_and(|fields| fields.contains_key("median") && fields.values().any(Value::is_null))
}
