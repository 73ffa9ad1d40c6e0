import type {
  AnswerOf,
  BodyOf,
  ErrorAnswer,
  OperationName,
  Operations,
  ParamsOf,
  QueryOf,
} from '../../../src/contract/index.ts'
import { texts } from '../texts.ts'
import { routes, type RouteName } from './routes.ts'
import { forgetSession, session } from './session.ts'

type Said = ErrorAnswer['error']
type Problem = Extract<NonNullable<Said['details']>, readonly unknown[]>[number]

/** The server's refusal, in its own words, or the failure to reach it (`code` is then `unreachable`, `status` 0). */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly hint: string
  readonly details: readonly Problem[]
  /** Of a server that does not act in its pair: where the one that does is found; null where that is not known. */
  readonly activeUrl: string | null

  constructor(status: number, said: Said, cause?: unknown) {
    super(said.message, { cause })
    this.status = status
    this.code = said.code
    this.hint = said.hint
    const { details } = said
    this.details = Array.isArray(details) ? details : []
    this.activeUrl = details === undefined || Array.isArray(details) ? null : details.activeUrl
  }
}

type Part<Name extends string, Value> = [keyof Value] extends [never]
  ? unknown
  : Record<never, never> extends Value
    ? { [K in Name]?: Value }
    : { [K in Name]: Value }

type BodyPart<Body> = [Body] extends [undefined] ? unknown : { body: Body }

export type Input<N extends OperationName> = Part<'params', ParamsOf<Operations[N]>> &
  Part<'query', QueryOf<Operations[N]>> &
  BodyPart<BodyOf<Operations[N]>> & { signal?: AbortSignal }

export type Answer<N extends OperationName> = AnswerOf<Operations[N]>

/** The loosest reading of any `Input`, which is what sending one needs to know. */
interface AnyInput {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: unknown
  readonly signal?: AbortSignal
}

/** Where the API is: below the document's base, which the server sets where the portal lives under a path prefix. */
export const apiBase = new URL('api/v1', document.baseURI).href

export function headers(): Record<string, string> {
  const held = session()
  return held === null ? {} : { Authorization: `Bearer ${held.token}` }
}

async function send(name: RouteName, input: AnyInput): Promise<Response> {
  const [method, path] = routes[name].split(' ') as [string, string]
  const filled = path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(input.params?.[key] ?? ''))
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined && value !== '') query.set(key, String(value))
  }
  const url = `${apiBase}${filled}${query.size > 0 ? `?${query}` : ''}`
  let response: Response
  try {
    response = await fetch(url, {
      method,
      headers: { ...headers(), ...(input.body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: input.body === undefined ? null : JSON.stringify(input.body),
      signal: input.signal ?? null,
      cache: 'no-store',
    })
  } catch (cause) {
    if (input.signal?.aborted === true) throw cause
    throw new ApiError(
      0,
      { code: 'unreachable', message: texts.errors.unreachable, hint: texts.errors.unreachableHint },
      cause,
    )
  }
  if (response.ok) return response
  const error = await refusal(response)
  // A wrong password is answered with 401 as well, and is no reason to leave the page.
  if (response.status === 401 && error.code !== 'wrong-password') forgetSession()
  throw error
}

/** Reads an error answer; a proxy in between may answer with something else. */
export async function refusal(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined)
  const said = (body as Partial<ErrorAnswer> | undefined)?.error
  if (said !== undefined && typeof said.message === 'string') return new ApiError(response.status, said)
  return new ApiError(response.status, {
    code: 'unexpected',
    message: texts.errors.unexpected(response.status),
    hint: texts.errors.unexpectedHint,
  })
}

/** Calls one operation of the API by its name in the contract. @throws ApiError */
export async function call<N extends RouteName>(name: N, input: Input<N>): Promise<Answer<N>> {
  const response = await send(name, input as AnyInput)
  // The server answers by the contract this type comes from.
  return (await response.json()) as Answer<N>
}

/** One page of a list, and the cursor of the next one. */
export async function callPage<N extends RouteName>(
  name: N,
  input: Input<N>,
): Promise<{ rows: Answer<N>; next: string | undefined }> {
  const response = await send(name, input as AnyInput)
  return { rows: (await response.json()) as Answer<N>, next: response.headers.get('Farwatch-Next-Cursor') ?? undefined }
}

/** The operations that answer with a text rather than JSON. */
type TextName = { [N in RouteName]: Operations[N] extends { readonly isText: true } ? N : never }[RouteName]

/** A text that is to be a file: what came of it, whole. @throws ApiError */
export async function callText<N extends TextName>(name: N, input: Input<N>): Promise<Blob> {
  return (await send(name, input as AnyInput)).blob()
}

type Row<N extends OperationName> = Answer<N> extends readonly (infer R)[] ? R : never

/** Every row of a list, page after page. */
export async function callAll<N extends RouteName>(name: N, input: Input<N>): Promise<Row<N>[]> {
  const all: Row<N>[] = []
  let cursor: string | undefined
  do {
    const given = input as AnyInput
    const response = await send(name, { ...given, query: { ...given.query, cursor } })
    all.push(...((await response.json()) as Row<N>[]))
    cursor = response.headers.get('Farwatch-Next-Cursor') ?? undefined
  } while (cursor !== undefined)
  return all
}
