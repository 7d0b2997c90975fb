// Serves a directory of pages on a free port with the headers of the real server, and answers the openings of masked
// values with the two fragments that lie beside the pages.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { join, normalize } from "node:path";

export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const TYPES = { html: "text/html", css: "text/css", js: "text/javascript", svg: "image/svg+xml", json: "application/json", txt: "text/plain" };

export async function serve(directory) {
  const openings = [];
  const preferences = [];
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://x").pathname);
    const headers = { "Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };
    let file = path;
    let status = 200;
    if (request.method === "POST" && path === "/preferences") {
      preferences.push(await text(request));
      response.writeHead(204, headers).end();
      return;
    }
    if (path.startsWith("/api/")) {
      response.writeHead(200, { ...headers, "Content-Type": "application/json" }).end(JSON.stringify({ rows: [], asked: request.url }));
      return;
    }
    if (path.includes("/open/")) {
      openings.push(path);
      status = path.endsWith("/birth_date") ? 403 : 200;
      file = status === 200 ? "/opened.html" : "/refused.html";
    }
    try {
      const body = await readFile(join(directory, file));
      const type = TYPES[file.split(".").pop()] ?? "application/octet-stream";
      response.writeHead(status, { ...headers, "Content-Type": `${type}; charset=utf-8` }).end(body);
    } catch {
      response.writeHead(404, headers).end();
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${server.address().port}`, openings, preferences, close: () => server.close() };
}

async function text(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}
