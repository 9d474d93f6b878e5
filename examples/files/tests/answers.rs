//! Each status, and what goes with it.

use super::{Site, WRITTEN_DATE, set_age};
use crate::kit::driver::{apply, on_each_driver};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

#[apply(on_each_driver)]
fn a_file_comes_whole_with_what_is_known_of_it() {
    let site = Site::start();
    let mut client = site.connect();
    for (name, bytes, kind) in [
        ("a.html", "<p>text", "text/html; charset=utf-8"),
        ("b.css", "p {}", "text/css; charset=utf-8"),
        ("c.png", "\x7fPNG", "image/png"),
        ("d.json", "{}", "application/json"),
        ("sub/e", "?", "application/octet-stream"),
        ("empty.txt", "", "text/plain; charset=utf-8"),
        ("a b%20c.txt", "blank", "text/plain; charset=utf-8"),
    ] {
        site.write(name, bytes);
        let target = format!("/{}", name.replace('%', "%25").replace(' ', "%20"));
        let reply = client.get(&target);
        assert_eq!((reply.status, &*reply.text()), (200, bytes), "{name}");
        assert_eq!(reply.header("content-type"), Some(kind));
        assert_eq!(reply.header("accept-ranges"), Some("bytes"));
        assert_eq!(reply.header("last-modified"), Some(WRITTEN_DATE));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(reply.header("etag").unwrap().starts_with('"'));
        // HEAD has the same head, also where a part is asked for, and no body.
        let headers = &[("range", "bytes=0-0")];
        let head = client.ask("HEAD", &target, headers);
        let without_date = |head: &str| -> Vec<String> {
            let lines = head.lines().map(str::to_owned);
            lines.filter(|line| !line.starts_with("date")).collect()
        };
        assert_eq!(without_date(&head.head), without_date(&reply.head));
    }
    drop(client);
    site.end();
}

#[apply(on_each_driver)]
fn what_is_not_there_or_not_for_all_is_said_to_be_so() {
    let site = Site::start();
    let mut client = site.connect();
    site.write("file", "text");
    site.write("closed", "text");
    fs::set_permissions(site.path("closed"), PermissionsExt::from_mode(0o000)).unwrap();
    for target in ["/nothing", "/nothing/", "/file/", "/file/more", "/sub/file"] {
        client.expect_status(target, 404);
    }
    client.expect_status(&format!("/{}", "x".repeat(300)), 404);
    // Root may read everything.
    let may_read = fs::read(site.path("closed")).is_ok();
    client.expect_status("/closed", if may_read { 200 } else { 403 });
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "OTHER"] {
        let reply = client.ask(method, "/file", &[]);
        assert_eq!(reply.status, 405, "{method}");
        assert_eq!(reply.header("allow"), Some("GET, HEAD"));
    }
    client.expect("/file?query", &[], 200, "text");
    drop(client);
    site.end();
}

#[apply(on_each_driver)]
fn a_directory_is_its_index_or_a_list() {
    let site = Site::start();
    let mut client = site.connect();
    site.write("with/index.html", "<p>index");
    site.write("with/other", "");
    let reply = client.get("/with?a=b");
    assert_eq!(reply.status, 301);
    assert_eq!(reply.header("location"), Some("/with/?a=b"));
    let reply = client.get("/with/");
    assert_eq!((reply.status, &*reply.text()), (200, "<p>index"));
    assert!(
        reply
            .header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    let etag = reply.header("etag").unwrap().to_owned();
    assert_eq!(
        client
            .ask("GET", "/with/", &[("if-none-match", &etag)])
            .status,
        304
    );

    let names = ["a b", "<b>&\"'", "a:b?c#d%e", "\\evil", "\u{fc}"];
    for name in names {
        site.write(&format!("list/{name}"), name);
    }
    site.write("list/sub/file", "");
    fs::create_dir(site.path("list/index.html")).unwrap();
    let bytes = OsStr::from_bytes(b"latin-\xff");
    fs::write(site.path("list").join(bytes), "latin").unwrap();
    let page = client.get("/list/");
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let text = page.text().into_owned();
    assert!(text.contains("<li><a href=\"../\">../</a>"), "{text}");
    assert!(text.contains("<li><a href=\"sub/\">sub/</a>"), "{text}");
    assert!(text.contains(">&lt;b&gt;&amp;&quot;&#39;</a>"), "{text}");
    assert!(!text.contains("<b>"), "{text}");
    // Each link leads to the file of that name.
    let links: Vec<&str> = text
        .split("<li><a href=\"")
        .filter_map(|piece| piece.split('"').next())
        .filter(|link| !link.contains(['/', '<']))
        .collect();
    assert_eq!(links.len(), names.len() + 1);
    let mut contents: Vec<String> = links
        .iter()
        .map(|link| client.get(&format!("/list/{link}")).text().into_owned())
        .collect();
    contents.sort();
    let mut expected = names.map(str::to_owned).to_vec();
    expected.push("latin".to_owned());
    expected.sort();
    assert_eq!(contents, expected);
    // HEAD has the length of the page.
    let head = client.ask("HEAD", "/list/", &[]);
    assert_eq!((head.status, head.len()), (200, text.len() as u64));
    // The root has nothing above it.
    assert!(!client.get("/").text().contains("../"));
    drop(client);
    site.end();
}

#[apply(on_each_driver)]
fn what_the_client_has_is_not_sent_again() {
    let site = Site::start();
    let mut client = site.connect();
    site.write("file", "text");
    let etag = client.get("/file").header("etag").unwrap().to_owned();
    let (weak, list) = (format!("W/{etag}"), format!("\"a,b\", {etag} , \"c\""));
    let before = "Sun, 06 Nov 1994 08:49:36 GMT";
    for (name, value, status) in [
        ("if-none-match", &etag[..], 304),
        ("if-none-match", &weak, 304),
        ("if-none-match", &list, 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"other\"", 200),
        ("if-none-match", "", 200),
        ("if-modified-since", WRITTEN_DATE, 304),
        ("if-modified-since", "Sunday, 06-Nov-94 08:49:37 GMT", 304),
        ("if-modified-since", "Sun Nov  6 08:49:37 1994", 304),
        ("if-modified-since", "Mon, 07 Nov 1994 08:49:37 GMT", 304),
        ("if-modified-since", before, 200),
        ("if-modified-since", "yesterday", 200),
        ("if-match", &etag, 200),
        ("if-match", "*", 200),
        ("if-match", &weak, 412),
        ("if-match", "\"other\"", 412),
        ("if-unmodified-since", WRITTEN_DATE, 200),
        ("if-unmodified-since", before, 412),
        ("if-unmodified-since", "yesterday", 200),
    ] {
        let reply = client.ask("GET", "/file", &[(name, value)]);
        assert_eq!(reply.status, status, "{name}: {value}");
        assert_eq!(reply.header("etag"), Some(&etag[..]));
        assert_eq!(client.ask("HEAD", "/file", &[(name, value)]).status, status);
    }
    // Tags count before dates, and are known in whichever line they are.
    let both = [
        ("if-none-match", "\"other\""),
        ("if-modified-since", WRITTEN_DATE),
    ];
    client.expect("/file", &both, 200, "text");
    let both = [("if-none-match", "\"other\""), ("if-none-match", &etag)];
    client.expect("/file", &both, 304, "");
    // What the client has counts before the part that it wants.
    let both = [("if-none-match", &etag[..]), ("range", "bytes=9-")];
    client.expect("/file", &both, 304, "");
    // Another length, the same length at another time, another file of that time.
    for (bytes, millis) in [("longer", 250), ("text", 251)] {
        site.write("file", bytes);
        let time = Duration::from_millis(784_111_777_000 + millis);
        set_age(&site.path("file"), SystemTime::UNIX_EPOCH + time);
        client.expect("/file", &[("if-none-match", &etag)], 200, bytes);
    }
    site.write("next", "text");
    fs::rename(site.path("next"), site.path("file")).unwrap();
    client.expect("/file", &[("if-none-match", &etag)], 200, "text");
    drop(client);
    site.end();
}

#[apply(on_each_driver)]
fn odd_times_are_told_as_far_as_they_can_be() {
    let site = Site::start();
    let mut client = site.connect();
    site.write("file", "text");
    let path = site.path("file");
    // Changed just now: the next change may bear the same marks.
    set_age(&path, SystemTime::now());
    let reply = client.get("/file");
    let etag = reply.header("etag").unwrap().to_owned();
    assert!(etag.starts_with("W/\""), "{etag}");
    let date = reply.header("last-modified").unwrap().to_owned();
    client.expect("/file", &[("if-none-match", &etag)], 304, "");
    for mark in [&etag, &etag[2..], &date] {
        client.expect(
            "/file",
            &[("range", "bytes=1-2"), ("if-range", mark)],
            200,
            "text",
        );
    }
    // Yet to come.
    set_age(&path, SystemTime::now() + Duration::from_secs(86_400));
    let reply = client.get("/file");
    let told = httpdate::parse_http_date(reply.header("last-modified").unwrap()).unwrap();
    assert!(told <= SystemTime::now());
    // Before there were dates.
    set_age(&path, SystemTime::UNIX_EPOCH - Duration::from_millis(1_500));
    let reply = client.get("/file");
    assert_eq!((reply.status, reply.header("last-modified")), (200, None));
    assert!(reply.header("etag").is_some());
    client.expect("/file", &[("if-modified-since", WRITTEN_DATE)], 200, "text");
    drop(client);
    site.end();
}

#[apply(on_each_driver)]
fn parts_come_as_asked_for() {
    let site = Site::start();
    let mut client = site.connect();
    site.write("ten", "0123456789");
    site.write("empty", "");
    let etag = client.get("/ten").header("etag").unwrap().to_owned();
    for (range, body) in [
        ("bytes=0-0", "0"),
        ("bytes=0-9", "0123456789"),
        ("bytes=3-5", "345"),
        ("bytes=9-", "9"),
        ("bytes=5-1000", "56789"),
        ("bytes=-3", "789"),
        ("bytes=-1000", "0123456789"),
    ] {
        let reply = client.ask("GET", "/ten", &[("range", range)]);
        assert_eq!((reply.status, &*reply.text()), (206, body), "{range}");
        let first = "0123456789".find(body).unwrap();
        let expected = format!("bytes {first}-{}/10", first + body.len() - 1);
        assert_eq!(reply.header("content-range"), Some(&expected[..]));
        assert_eq!(reply.header("etag"), Some(&etag[..]));
    }
    for range in [
        "bytes=10-",
        "bytes=10-10",
        "bytes=-0",
        "bytes=99999999999999999999-",
    ] {
        let reply = client.ask("GET", "/ten", &[("range", range)]);
        assert_eq!(reply.status, 416, "{range}");
        assert_eq!(reply.header("content-range"), Some("bytes */10"));
    }
    let reply = client.ask("GET", "/empty", &[("range", "bytes=0-")]);
    assert_eq!(reply.header("content-range"), Some("bytes */0"));
    for range in [
        "bytes=0-1,3-4",
        "bytes=5-4",
        "lines=0-1",
        "bytes=x",
        "rubbish",
    ] {
        let reply = client.ask("GET", "/ten", &[("range", range)]);
        assert_eq!(
            (reply.status, &*reply.text()),
            (200, "0123456789"),
            "{range}"
        );
        assert_eq!(reply.header("content-range"), None);
    }
    let weak = format!("W/{etag}");
    for (mark, continues) in [
        (&etag[..], true),
        (WRITTEN_DATE, true),
        (&weak, false),
        ("\"other\"", false),
        ("Sun, 06 Nov 1994 08:49:38 GMT", false),
        ("rubbish", false),
    ] {
        let headers = [("range", "bytes=1-2"), ("if-range", mark)];
        let (status, body) = if continues {
            (206, "12")
        } else {
            (200, "0123456789")
        };
        client.expect("/ten", &headers, status, body);
        // Not even "nothing of it is there" is told of another state.
        let status = if continues { 416 } else { 200 };
        let headers = [("range", "bytes=10-"), ("if-range", mark)];
        assert_eq!(client.ask("GET", "/ten", &headers).status, status, "{mark}");
    }
    drop(client);
    site.end();
}
