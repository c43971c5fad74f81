/** A client of a Fluxion service, with the types of its OpenAPI document. */

import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type { components, paths };

/** The schemas of the document by name: `Schemas["DerivativeAnswer"]`. */
export type Schemas = components["schemas"];

/** The addresses that take and answer npz archives. */
export type Computation = {
  [Path in keyof paths]: paths[Path] extends {
    post: { requestBody: { content: { "application/x-npz": unknown } } };
  }
    ? Path
    : never;
}[keyof paths];

/** Of what an operation answers, that in JSON, and not later. */
type Answer<T> = Exclude<T, Schemas["JobDocument"] | Schemas["NpzArchive"]>;
type Outcome<T> = Promise<{ data?: T; error?: unknown; response: Response }>;

const NPZ = "application/x-npz";

/** The service refused a request; `problem` has what it answered (RFC 9457). */
export class ProblemError extends Error {
  constructor(readonly problem: Schemas["Problem"]) {
    super(`${problem.code}: ${problem.detail}`);
  }
}

/** The service at an address, with a key if it needs one. */
export function connect(address: string, key?: string): Client<paths> {
  return createClient<paths>({
    baseUrl: address,
    headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
  });
}

/** What a request was answered; rejects with a `ProblemError` if it was refused, and if it goes on as a job. */
export async function answered<T>(request: Outcome<T>): Promise<Answer<T>> {
  const { data, error, response } = await request;
  if (error !== undefined) throw new ProblemError(error as Schemas["Problem"]);
  if (response.status !== 200) throw new Error(`the service answered ${response.status}, not a result`);
  return data as Answer<T>;
}

/** A computation in binary: the archive that answers an archive. */
export async function exchange(client: Client<paths>, path: Computation, archive: Uint8Array): Promise<Uint8Array> {
  const request = client.POST(path as "/v1/gradient", {
    body: archive as unknown as string,
    bodySerializer: (body) => body,
    headers: { "Content-Type": NPZ, Accept: NPZ },
    parseAs: "arrayBuffer",
  });
  return new Uint8Array((await answered(request)) as ArrayBuffer);
}

/** The entries of a tensor row by row: NaN and infinite where JSON has null. */
export function numbers(tensor: Schemas["TensorAnswer"]): Float64Array {
  const entries = Float64Array.from(tensor.data, (entry) => entry ?? NaN);
  tensor.nonfinite?.posinf?.forEach((place) => (entries[place] = Infinity));
  tensor.nonfinite?.neginf?.forEach((place) => (entries[place] = -Infinity));
  return entries;
}
