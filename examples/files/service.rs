//! The answers.

use crate::body::FileBody;
use crate::listing;
use crate::range::{Wanted, wanted};
use crate::target::{BadTarget, Target};
use crate::validators::{Validators, Verdict};
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED,
    LOCATION, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::{self, response};
use hyper::{Method, Request, Response, StatusCode};
use ringmill::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

const INDEX: &str = "index.html";

type Body = Either<FileBody, Full<Bytes>>;
pub type Answer = Result<Response<Body>, http::Error>;

/// Answers one request with what is beneath `root`.
pub async fn answer(root: Arc<File>, request: Request<Incoming>) -> Answer {
    // hyper leaves the body of an answer to HEAD out by itself.
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let response = Response::builder().header(ALLOW, "GET, HEAD");
        return short(response, StatusCode::METHOD_NOT_ALLOWED);
    }
    let target = match Target::parse(request.uri().path()) {
        Ok(target) => target,
        Err(BadTarget::Malformed) => return refused(StatusCode::BAD_REQUEST),
        Err(BadTarget::EmptyName) => return refused(StatusCode::NOT_FOUND),
    };
    match found(&root, &target, &request).await {
        Ok(answer) => answer,
        Err(error) => refused(status_of(&error)),
    }
}

async fn found(root: &File, target: &Target, request: &Request<Incoming>) -> io::Result<Answer> {
    let (file, metadata) = File::open_beneath(root, target.path()).await?;
    if !metadata.is_dir() {
        // A file has nothing beneath it.
        return Ok(match target.is_directory {
            true => refused(StatusCode::NOT_FOUND),
            false => content(file, &metadata, target.path(), request),
        });
    }
    if !target.is_directory {
        let query = request.uri().query();
        let query = query.map_or(String::new(), |query| format!("?{query}"));
        let location = target.directory_link() + &query;
        let response = Response::builder().header(LOCATION, location);
        return Ok(short(response, StatusCode::MOVED_PERMANENTLY));
    }
    let index = target.path().join(INDEX);
    match File::open_beneath(root, &index).await {
        Ok((file, metadata)) if !metadata.is_dir() => {
            return Ok(content(file, &metadata, &index, request));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let page = listing::page(&file, target).await?;
    Ok(Response::builder()
        .header(CONTENT_TYPE, "text/html; charset=utf-8")
        .body(Either::Right(page.into())))
}

/// A file, if it is one.
fn content(file: File, metadata: &Metadata, path: &Path, request: &Request<Incoming>) -> Answer {
    // What a FIFO or a device gives has no end, or comes from who knows where.
    if !metadata.is_file() {
        return refused(StatusCode::FORBIDDEN);
    }
    let len = metadata.len();
    let validators = Validators::of(metadata, SystemTime::now());
    let mut response = Response::builder()
        .header(ETAG, validators.tag())
        .header(ACCEPT_RANGES, "bytes");
    if let Some(modified) = validators.modified() {
        response = response.header(LAST_MODIFIED, modified);
    }
    let headers = request.headers();
    match validators.judge(headers) {
        Verdict::Send => {}
        Verdict::NotModified => {
            let response = response.status(StatusCode::NOT_MODIFIED);
            return response.body(Either::Right(Full::default()));
        }
        Verdict::PreconditionFailed => return short(response, StatusCode::PRECONDITION_FAILED),
    }
    // Of GET alone: section 14.2 of RFC 9110.
    let range = headers
        .get(RANGE)
        .filter(|_| request.method() == Method::GET && validators.may_continue(headers));
    let part = match range.map_or(Wanted::Whole, |range| wanted(range.as_bytes(), len)) {
        Wanted::Whole => 0..len,
        Wanted::Part(part) => {
            let last = part.end - 1;
            let range = format!("bytes {}-{last}/{len}", part.start);
            response = response.status(StatusCode::PARTIAL_CONTENT);
            response = response.header(CONTENT_RANGE, range);
            part
        }
        Wanted::Nothing => {
            let response = response.header(CONTENT_RANGE, format!("bytes */{len}"));
            return short(response, StatusCode::RANGE_NOT_SATISFIABLE);
        }
    };
    response
        .header(CONTENT_TYPE, content_type(path))
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(CONTENT_LENGTH, part.end - part.start)
        .body(Either::Left(FileBody::new(file, part)))
}

fn content_type(path: &Path) -> String {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let kind = kind.essence_str();
    match kind.starts_with("text/") {
        true => format!("{kind}; charset=utf-8"),
        false => kind.to_owned(),
    }
}

fn status_of(error: &io::Error) -> StatusCode {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG | libc::ELOOP) => {
            StatusCode::NOT_FOUND
        }
        // Not ours to read, outside of the root, a socket, a device without a driver.
        Some(libc::EACCES | libc::EPERM | libc::EXDEV | libc::ENXIO | libc::ENODEV) => {
            StatusCode::FORBIDDEN
        }
        // It may work the next time.
        Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::EAGAIN) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn refused(status: StatusCode) -> Answer {
    short(Response::builder(), status)
}

/// An answer that says what its status is.
fn short(response: response::Builder, status: StatusCode) -> Answer {
    response
        .status(status)
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Either::Right(format!("{status}\n").into()))
}
