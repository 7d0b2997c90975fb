//! Files cut into resources: their layouts, their errors, and how little is held of a large one.

use salus_codec::fhir::{Failure, Item, Layout, MAX_RESOURCE, NdjsonWriter, Resources, parse};
use std::cell::Cell;
use std::fmt::Write;
use std::io::{self, Read};
use std::rc::Rc;

/// One line for each item and failure.
fn told(text: &str, layout: Layout) -> Vec<String> {
    Resources::with_layout(text.as_bytes(), layout).map(line).collect()
}

fn line(item: Result<Item, Failure>) -> String {
    match item {
        Ok(item) => {
            let entry = item.entry.map(|n| format!(" entry {n}")).unwrap_or_default();
            let url = item.full_url.map(|url| format!(" <{url}>")).unwrap_or_default();
            let text = String::from_utf8(item.bytes).unwrap();
            let text: String = text.split_whitespace().collect();
            format!("{}{entry}{url} {text}", item.line)
        }
        Err(failure) => {
            let entry = failure.entry.map(|n| format!(" entry {n}")).unwrap_or_default();
            format!("{}{entry} ! {} {}", failure.line, failure.problem.path, failure.problem.code)
        }
    }
}

#[test]
fn lines() {
    let text = "\u{feff}{\"resourceType\":\"Basic\",\"id\":\"1\"}\r\n\n   \n{\"id\":\"2\",\"resourceType\":\"Basic\"}";
    let expected = [r#"1 {"resourceType":"Basic","id":"1"}"#, r#"4 {"id":"2","resourceType":"Basic"}"#];
    assert_eq!(told(text, Layout::Auto), expected);
    assert_eq!(told(text, Layout::Lines), expected);
    assert!(told("", Layout::Auto).is_empty());
    assert!(told("\u{feff} \n\n", Layout::Auto).is_empty());
}

#[test]
fn one_resource_over_many_lines() {
    let text = "\n{\n  \"resourceType\": \"Basic\",\n  \"x\": { \"entry\": [1] }\n}\n";
    assert_eq!(told(text, Layout::Auto), [r#"2 {"resourceType":"Basic","x":{"entry":[1]}}"#]);
    let list = "{\n \"resourceType\": \"List\",\n \"entry\": [ { \"item\": {} } ]\n}";
    assert_eq!(told(list, Layout::Auto), [r#"1 {"resourceType":"List","entry":[{"item":{}}]}"#]);
}

const BUNDLE: &str = r#"{
  "entry": [
    { "resource": { "resourceType": "Basic", "id": "1", "x": "}]\"{" }, "fullUrl": "urn:uuid:1" },
    { "fullUrl": "a\u002fb",
      "resource": { "resourceType": "Basic",
        "id": "2" } },
    { "request": { "method": "DELETE", "url": "Basic/3" } },
    { "resource": { "id": "4", "resourceType": "Bundle", "entry": [ {} ] } }
  ],
  "type": "transaction",
  "resourceType": "Bundle"
}
"#;

#[test]
fn a_bundle() {
    let expected = [
        r#"3 entry 1 <urn:uuid:1> {"resourceType":"Basic","id":"1","x":"}]\"{"}"#,
        r#"5 entry 2 <a/b> {"resourceType":"Basic","id":"2"}"#,
        "7 entry 3 ! Bundle.entry[2] no_resource",
        r#"8 entry 4 {"id":"4","resourceType":"Bundle","entry":[{}]}"#,
    ];
    assert_eq!(told(BUNDLE, Layout::Auto), expected);
    let empty = r#"{"resourceType":"Bundle","type":"searchset","total":0}"#;
    assert!(told(empty, Layout::Auto).is_empty());
    assert!(told(r#"{"resourceType":"Bundle","entry":[]}"#, Layout::Auto).is_empty());
}

#[test]
fn bundles_on_lines() {
    let one: String = BUNDLE.lines().map(str::trim).collect();
    let text = format!("{one}\n{{\"resourceType\":\"Basic\"}}\n{one}\n");
    let told = told(&text, Layout::Auto);
    assert_eq!(told.len(), 9);
    assert_eq!(told[4], r#"2 {"resourceType":"Basic"}"#);
    assert!(told[8].starts_with("3 entry 4 "));
}

#[test]
fn a_bad_line_costs_only_itself() {
    let text = concat!(
        "{\"resourceType\":\"Basic\",\"id\":\"1\"}\n",
        "{\"resourceType\":\"Basic\",\"id\":\n",
        "[{\"resourceType\":\"Basic\"}]\n",
        "{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":\"Basic\"}},{\"resource\":\n",
        "{\"resourceType\":\"Bundle\",\"entry\":[5]}\n",
        "{\"resourceType\":\"Basic\",\"id\":\"un\nterminated\"}\n",
        "{\"resourceType\":\"Basic\",\"id\":\"2\"} x\n",
        "{\"resourceType\":\"Basic\",\"id\":\"3\"}",
    );
    let expected = [
        r#"1 {"resourceType":"Basic","id":"1"}"#,
        r#"2 {"resourceType":"Basic","id":"#,
        "3 !  syntax",
        r#"4 entry 1 {"resourceType":"Basic"}"#,
        "4 entry 2 ! Bundle.entry[1] truncated",
        "5 entry 1 ! Bundle.entry[0] syntax",
        r#"6 {"resourceType":"Basic","id":"un"#,
        "7 !  syntax",
        r#"8 {"resourceType":"Basic","id":"2"}x"#,
        r#"9 {"resourceType":"Basic","id":"3"}"#,
    ];
    assert_eq!(told(text, Layout::Auto), expected);
    // What is broken inside is given on, so that the parser can say what is wrong.
    assert_eq!(parse(br#"{"resourceType":"Basic","id":"2"} x"#).unwrap_err().code, "trailing");
}

#[test]
fn a_broken_document_ends() {
    let text = BUNDLE.replace("\"method\": \"DELETE\"", "\"method\": \"DEL");
    let told = told(&text, Layout::Auto);
    assert_eq!(told.len(), 3);
    assert_eq!(told[2], "7 entry 3 ! Bundle.entry[2] syntax");
    let cut = &BUNDLE[..BUNDLE.len() / 2];
    assert!(self::told(cut, Layout::Auto).last().unwrap().ends_with("truncated"));
}

#[test]
fn a_resource_has_a_largest_size() {
    let large = |n: usize| {
        let head = r#"{"resourceType":"Binary","data":""#;
        format!("{head}{}\"}}", "A".repeat(n - head.len() - 2))
    };
    let text = format!("{}\n{}\n{{\"resourceType\":\"Basic\"}}\n", large(MAX_RESOURCE), large(MAX_RESOURCE + 1));
    let items: Vec<_> = Resources::new(text.as_bytes()).collect();
    assert_eq!(items.len(), 3);
    assert_eq!(items[0].as_ref().unwrap().bytes.len(), MAX_RESOURCE);
    assert_eq!(items[1].as_ref().unwrap_err().problem.code, "too_large");
    assert_eq!(items[2].as_ref().unwrap().line, 3);
    let entry = format!(
        "{{\"resourceType\":\"Bundle\",\"entry\":[{{\"resource\":{}}},{{\"resource\":{{\"resourceType\":\"Basic\"}}}}]}}",
        large(MAX_RESOURCE + 1)
    );
    let items: Vec<_> = Resources::new(entry.as_bytes()).collect();
    assert_eq!(items[0].as_ref().unwrap_err().problem.code, "too_large_entry");
    assert_eq!(items[1].as_ref().unwrap().entry, Some(2));
    // A line that never ends is given up without being held.
    let endless = io::Read::take(io::Read::chain(&br#"{"x":""#[..], io::repeat(b'x')), 200 << 20);
    let items: Vec<_> = Resources::new(endless).collect();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].as_ref().unwrap_err().problem.code, "too_large");
}

/// Makes a Bundle of `left` entries while it is read, and counts the bytes given out.
struct Endless {
    left: u32,
    ready: Vec<u8>,
    given: Rc<Cell<u64>>,
}

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() && self.left > 0 {
            self.left -= 1;
            let comma = if self.left == 0 { "" } else { "," };
            let mut text = String::new();
            let n = self.left;
            write!(
                text,
                "\n {{\"fullUrl\":\"urn:uuid:{n}\",\"resource\":{{\"resourceType\":\"Condition\",\"id\":\"c{n}\","
            )
            .unwrap();
            write!(
                text,
                "\"note\":[{{\"text\":\"{}\"}}],\"subject\":{{\"reference\":\"Patient/1\"}}}}}}{comma}",
                "x]}".repeat(200)
            )
            .unwrap();
            if self.left == 0 {
                text.push_str("\n]}");
            }
            self.ready = text.into_bytes();
        }
        let n = self.ready.len().min(into.len()).min(5000);
        into[..n].copy_from_slice(&self.ready[..n]);
        self.ready.drain(..n);
        self.given.set(self.given.get() + n as u64);
        Ok(n)
    }
}

#[test]
fn a_large_bundle_is_never_held() {
    let given = Rc::new(Cell::new(0));
    let head = b"{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[".to_vec();
    let bundle = Endless { left: 50_000, ready: head, given: Rc::clone(&given) };
    let (mut count, mut most) = (0, 0);
    for item in Resources::new(bundle) {
        let item = item.unwrap();
        count += 1;
        assert_eq!(item.entry, Some(count));
        most = most.max(given.get() - item.offset);
    }
    assert_eq!(count, 50_000);
    assert!(given.get() > 35_000_000);
    assert!(most <= 192 * 1024, "{most} bytes were held at once");
}

#[test]
fn a_read_error_is_told_and_ends() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let items: Vec<_> = Resources::new(Broken).map(line).collect();
    assert_eq!(items, ["1 !  io"]);
}

#[test]
fn writes_lines() {
    let mut out = NdjsonWriter::new(Vec::new());
    for text in [r#"{"resourceType":"Basic","x":"a\nb"}"#, r#"{ "resourceType" : "Basic", "x" : 1.0 }"#] {
        out.write(&parse(text.as_bytes()).unwrap()).unwrap();
    }
    assert_eq!((out.lines(), out.bytes()), (2, 69));
    let text = String::from_utf8(out.finish().unwrap()).unwrap();
    assert_eq!(text, "{\"resourceType\":\"Basic\",\"x\":\"a\\nb\"}\n{\"resourceType\":\"Basic\",\"x\":1.0}\n");
}
