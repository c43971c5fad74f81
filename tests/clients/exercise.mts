// What test_typescript.py runs: every way of asking, against the service at the first argument.
import { readFileSync, writeFileSync } from "node:fs";
import { ProblemError, answered, connect, exchange, numbers, type Schemas } from "fluxion-client";

const [address, sent, received] = process.argv.slice(2) as [string, string, string];
const service = connect(address);

const request: Schemas["ComputeRequest"] = { expression: "sum(w*x**2)", wrt: ["x"], forms: ["text"] };
const point = await answered(service.POST("/v1/gradient", { body: { ...request, at: { x: [1, 2], w: [1, 10] } } }));
const batch = await answered(
  service.POST("/v1/gradient", {
    body: {
      ...request,
      variables: { x: { shape: [2] }, w: { shape: [2] } },
      at: { x: { shape: [3, 2], data: [1, 2, 3, 4, 5, 6] }, w: [1, 10] },
    },
  }),
);
const poles = await answered(
  service.POST("/v1/evaluate", { body: { expression: "x/y", at: { x: [1, 0, -1], y: [0, 0, 0] } } }),
);

let refusal: Schemas["Problem"] | undefined;
try {
  await answered(service.POST("/v1/gradient", { body: { expression: "(1" } }));
} catch (error) {
  if (error instanceof ProblemError) refusal = error.problem;
}

const accepted = await service.POST("/v1/hessian", {
  body: { expression: "x @ x", at: { x: [1, 2] } },
  params: { header: { Prefer: "respond-async", "Idempotency-Key": "typescript" } },
});
let job = accepted.data as Schemas["JobDocument"];
const params = { path: { job_id: job.id } };
while (job.status === "queued" || job.status === "running") {
  await new Promise((resume) => setTimeout(resume, 50));
  job = await (await service.GET("/v1/jobs/{job_id}", { params })).data!;
}
const result = await answered(service.GET("/v1/jobs/{job_id}/result", { params }));
await service.DELETE("/v1/jobs/{job_id}", { params });
const gone = await service.GET("/v1/jobs/{job_id}", { params });

writeFileSync(received, await exchange(service, "/v1/jacobian", new Uint8Array(readFileSync(sent))));
console.log(
  JSON.stringify({
    point: [...numbers(point.derivatives[0]!.value!)],
    form: point.derivatives[0]!.forms.text,
    batch: [batch.batch_size, ...numbers(batch.derivatives[0]!.value!)],
    poles: [...numbers(poles.value!)].map(String),
    refusal: [refusal?.code, refusal?.line, refusal?.column],
    accepted: accepted.response.status,
    status: job.status,
    result: "derivatives" in result ? [...numbers(result.derivatives[0]!.value!)] : result.kind,
    gone: gone.error?.code,
  }),
);
