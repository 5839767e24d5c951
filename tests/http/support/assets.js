// Stands in for the platform's service of static files: tells what it was asked for.
export default {
  fetch(request) {
    const headers = { "content-type": "text/html; charset=utf-8", etag: '"page"' };
    if (request.headers.get("if-none-match") === '"page"') return new Response(null, { status: 304, headers });
    return new Response(`<!doctype html><title>${request.method} ${new URL(request.url).pathname}</title>`, { headers });
  },
};
