// The API to browse and to try: Swagger UI over our own OpenAPI document, nothing from elsewhere.
// Who is logged in to the dashboard can try everything; the proof for changes is fetched here.

async function fetchCsrfToken() {
  const answer = await fetch("/api/v1/session");
  return answer.ok ? (await answer.json()).csrf_token : null;
}

SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: -1,
  filter: true,
  validatorUrl: null, // it would ask another host
  requestInterceptor: async (request) => {
    if (!["GET", "HEAD"].includes(request.method ?? "GET")) {
      const csrfToken = await fetchCsrfToken(); // anew each time: somebody else may have logged in
      if (csrfToken) request.headers["X-CSRF-Token"] = csrfToken;
    }
    return request;
  },
});
