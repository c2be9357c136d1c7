// SPDX-License-Identifier: MIT
// hyper's HTTP server on Tokio: the same 13 bytes as the others.
use hyper::service::{make_service_fn, service_fn};
use hyper::{header, Body, Request, Response, Server};
use std::convert::Infallible;

async fn answer(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    let plain = header::HeaderValue::from_static("text/plain");
    let mut response = Response::new(Body::from("Hello, World!"));
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    Ok(response)
}

async fn serve() {
    let service = make_service_fn(|_| async { Ok::<_, Infallible>(service_fn(answer)) });
    let builder = Server::bind(&([127, 0, 0, 1], 0).into());
    let server = builder.tcp_nodelay(true).http1_pipeline_flush(true).serve(service);
    println!("listening on {}", server.local_addr());
    server.await.unwrap();
}

fn main() {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(bench::workers())
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { tokio::spawn(serve()).await.unwrap() });
}
