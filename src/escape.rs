//! Escapes: text that came from outside, made harmless for the place where it is printed.
//!
//! A history, a server's error, a URL or the name of a file may hold anything. Each place has one
//! function here, and whatever is printed there goes through it.

use std::borrow::Cow;

/// Whether a letter acts on what shows it instead of being shown: controls (also those of a terminal),
/// ends of lines, marks that turn the direction of writing around, and letters of no width.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// A text on a terminal, on one line: what is hidden is shown as `\n` or `\u{1b}`.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_hidden(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// A text in Markdown, on one line, in a cell of a table or outside.
#[must_use]
pub fn markdown(text: &str) -> String {
    let text = line(text);
    let mut shown = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_inside_a_word =
            before.is_alphanumeric() && letters.peek().is_some_and(|next| next.is_alphanumeric());
        match letter {
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            '_' if is_inside_a_word => shown.push('_'),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '$' => {
                shown.extend(['\\', letter]);
            }
            _ => shown.push(letter),
        }
        before = letter;
    }
    shown
}

/// A cell of a CSV file, on one line. One that a spreadsheet would take for a formula begins with `'`
/// (<https://owasp.org/www-community/attacks/CSV_Injection>); numbers are left alone.
#[must_use]
pub fn csv(text: &str) -> Cow<'_, str> {
    let shown = line(text);
    let is_number = text.parse::<f64>().is_ok_and(f64::is_finite) && !text.starts_with('+');
    let begin = text.trim_start().chars().next();
    let is_formula = begin.is_some_and(|begin| "=+-@＝＋－＠".contains(begin))
        || text.starts_with(['\t', '\r', '\n']);
    if is_formula && !is_number {
        return Cow::Owned(format!("'{shown}"));
    }
    shown
}

/// A text in a Mermaid diagram: a title, a message, a note or a name. What means something there is
/// written as an entity (<https://mermaid.js.org/syntax/sequenceDiagram.html#entity-codes-to-escape-characters>).
#[must_use]
pub fn mermaid(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in line(text).chars() {
        match letter {
            '#' | ';' | '<' | '>' | '"' | '`' | '%' | '{' | '}' | '\\' | '&' => {
                shown.extend(["#", &u32::from(letter).to_string(), ";"]);
            }
            _ => shown.push(letter),
        }
    }
    shown
}

/// A JSON document without a letter that acts on a terminal. Only strings can hold one, and there it
/// may be written as `\u001b` (<https://www.rfc-editor.org/rfc/rfc8259#section-7>).
#[must_use]
pub fn json(document: &str) -> Cow<'_, str> {
    let is_hidden = |letter: char| letter != '\n' && is_hidden(letter);
    if !document.contains(is_hidden) {
        return Cow::Borrowed(document);
    }
    let mut shown = String::with_capacity(document.len() + 8);
    for letter in document.chars() {
        if is_hidden(letter) {
            let mut units = [0; 2];
            let units = letter.encode_utf16(&mut units).iter();
            shown.extend(units.map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}
