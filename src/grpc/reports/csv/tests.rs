#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

/// The cells of a file, as another parser reads them.
fn parse(file: &[u8]) -> Vec<Vec<String>> {
    let mut reader = ::csv::ReaderBuilder::new();
    let mut reader = reader.has_headers(false).from_reader(file);
    let records = reader.records().map(Result::unwrap);
    let cells = records.map(|record| record.iter().map(str::to_owned).collect());
    cells.collect()
}

/// What a cell of text says.
fn said(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if runs(rest) => rest,
        _ => cell,
    }
}

fn line(cells: &[&str]) -> Vec<u8> {
    let mut file = Vec::new();
    let row = Row::begin(&mut file);
    cells.iter().fold(row, |row, cell| row.text(cell)).end();
    file
}

#[test]
fn what_a_spreadsheet_would_run_is_made_harmless() {
    for formula in [
        "=1+1",
        "=HYPERLINK(\"http://example.com\",\"click\")",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\"=1",
        "'=1",
        " '\" =1",
        "\u{ff1d}1",
    ] {
        let cells = parse(&line(&["a", formula]));
        assert_eq!(cells, [["a".to_owned(), format!("'{formula}")]]);
        assert_eq!(said(&cells[0][1]), formula);
    }
    for harmless in [
        "",
        "a=1",
        "1-1",
        "'quoted'",
        "it's",
        "{\"a\":-1}",
        "2026-11-21",
    ] {
        assert_eq!(parse(&line(&["a", harmless])), [["a", harmless]]);
    }
}

#[test]
fn cells_are_quoted_where_they_must_be() {
    let file = line(&["a,b", "say \"hi\"", "two\r\nlines", "plain", ""]);
    let expected = "\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\",plain,\r\n";
    assert_eq!(String::from_utf8(file).unwrap(), expected);
}

#[test]
fn every_session_has_all_columns() {
    let mut file = header();
    row(&mut file, &pb::Session::default());
    let cells = parse(&file);
    assert_eq!(cells[0], COLUMNS);
    assert_eq!(cells[1].len(), COLUMNS.len());
}

proptest! {
    #[test]
    fn a_file_says_what_was_written_and_runs_nothing(
        rows in prop::collection::vec(
            prop::collection::vec("[ -~\t\r\n=+@'\"\u{e4}\u{ff1d}]{0,6}", 3),
            1..6,
        ),
    ) {
        let file: Vec<u8> = rows
            .iter()
            .flat_map(|row| line(&row.iter().map(String::as_str).collect::<Vec<_>>()))
            .collect();
        let cells = parse(&file);
        prop_assert!(cells.iter().flatten().all(|cell| cell.starts_with('\'') || !runs(cell)));
        let told: Vec<Vec<_>> = cells
            .iter()
            .map(|row| row.iter().map(|cell| said(cell).to_owned()).collect())
            .collect();
        prop_assert_eq!(told, rows);
    }
}
