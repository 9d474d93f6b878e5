//! A crawler, and a race of mirrors: children that borrow, only so many at a time, all of them gone
//! when their scope is.
//!
//! ```text
//! cargo run --example scope
//! ```
//!
//! It makes its own little web on this machine: a server whose pages name other pages.

use ringmill::net::{TcpListener, TcpStream};
use ringmill::scope::{NoValue, Ready, Results, Scope, fail_after, move_on_after, scope};
use ringmill::time::sleep;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Pages of the web, numbered from 1; page `n` names `2n` and `2n + 1`, like a heap.
const PAGES: u32 = 100;

/// Fetches at a time.
const AT_A_TIME: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    ringmill::block_on(scope(async |s| {
        let address = s.start(web).await?;

        // Happy eyeballs in small: each mirror gets a head start before the next.
        let mirrors = [("slow", 300), ("quick", 10), ("late", 50)];
        let winner = mirror_race(&mirrors).await;
        println!("the quickest mirror: {}", winner.unwrap_or("none"));

        let found = RefCell::new(BTreeSet::new());
        let crawled = move_on_after(Duration::from_secs(10), crawl(address, &found)).await;
        match crawled {
            Some(ended) => ended?,
            None => println!("ten seconds have to do"),
        }
        println!("{} of {PAGES} pages", found.borrow().len());

        // The server is a child, too: without this the scope would wait for it.
        drop(s.token().cancel_because("all is done"));
        Ok::<_, io::Error>(())
    }))?
    .map_err(Into::into)
}

/// Fetches the first page and all that it leads to, each once.
async fn crawl(address: SocketAddr, found: &RefCell<BTreeSet<u32>>) -> io::Result<()> {
    let crawled = scope(async |s| {
        let few = s.limited(AT_A_TIME);
        let mut results = Results::new();
        found.borrow_mut().insert(1);
        results.push(few.spawn(fetch(address, 1)).await);
        while let Some(links) = results.next().await {
            for page in links.map_err(io::Error::from)? {
                if found.borrow_mut().insert(page) {
                    results.push(few.spawn(fetch(address, page)).await);
                }
            }
        }
        Ok(())
    });
    // Of all that failed the first error is enough here.
    crawled.await.map_err(|group| {
        group
            .into_first_error()
            .unwrap_or(io::ErrorKind::Other.into())
    })
}

/// What a page links to.
async fn fetch(address: SocketAddr, page: u32) -> io::Result<Vec<u32>> {
    let fetched = fail_after(Duration::from_secs(1), async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&page.to_be_bytes()).await?;
        let mut links = [0; 8];
        stream.read_exact(&mut links).await?;
        let [a, b, c, d, e, f, g, h] = links;
        let links = [
            u32::from_be_bytes([a, b, c, d]),
            u32::from_be_bytes([e, f, g, h]),
        ];
        Ok(links.into_iter().filter(|&link| link != 0).collect())
    });
    fetched.await.map_err(io::Error::from)?
}

/// A server that answers a page's number with those of two others, or 0.
async fn web(ready: Ready<SocketAddr>) -> io::Result<()> {
    let mut listener = TcpListener::bind("127.0.0.1:0").await?;
    ready.set(listener.local_addr()?);
    let served = scope(async |s: &Scope<'_, '_, io::Error>| {
        loop {
            let (mut stream, _) = listener.accept().await?;
            s.spawn(async move {
                let mut page = [0; 4];
                stream.read_exact(&mut page).await?;
                let links = [0, 1].map(|odd| 2 * u32::from_be_bytes(page) + odd);
                for link in links {
                    let link = if link <= PAGES { link } else { 0 };
                    stream.write_all(&link.to_be_bytes()).await?;
                }
                Ok(())
            });
        }
    });
    let served: Result<(), _> = served.await;
    served.map_err(|group| {
        group
            .into_first_error()
            .unwrap_or(io::ErrorKind::Other.into())
    })
}

/// The first that answers; the others are cancelled, and have ended when this returns.
async fn mirror_race<'a>(mirrors: &[(&'a str, u64)]) -> Option<&'a str> {
    let winner = RefCell::new(None);
    let raced = scope(async |s| {
        for (place, &(name, takes)) in mirrors.iter().enumerate() {
            let winner = &winner;
            s.spawn(async move {
                sleep(Duration::from_millis(25 * place as u64)).await;
                sleep(Duration::from_millis(takes)).await;
                winner.borrow_mut().get_or_insert(name);
                drop(s.token().cancel());
            });
        }
        Ok::<_, NoValue>(())
    });
    // Cancelled or not, it holds the winner's name.
    let _ = raced.await;
    winner.into_inner()
}
