import { PassThrough, Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { groupsWith, may, mayAnywhere, type Access, type Principal } from '../access/index.ts'
import { FarwatchError, messageOf } from '../base/index.ts'
import type {
  AnswerOf,
  BodyOf,
  Operation,
  OperationName,
  Operations,
  ParamsOf,
  QueryOf,
  Role,
} from '../contract/index.ts'
import { bodyReader, refuseBroken, textReader } from './read-request.ts'
import { isLong, writingJson } from './write-json.ts'

/** A request whose parts were checked against its operation. */
export interface Call<O extends Operation> {
  readonly params: ParamsOf<O>
  readonly query: QueryOf<O>
  readonly body: BodyOf<O>
  readonly caller: Caller
  readonly address: string
  /** The name and port under which the caller reached this instance, as the caller says. */
  readonly host: string
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal
}

/** The signed-in user and what the user may do. Operations that are open to everyone have a caller without grants. */
export interface Caller extends Principal {
  /** The bearer token itself, for signing out. Never logged. */
  readonly token: string
}

/** Wraps one page of a list with where the next one begins. */
export class Page<T> {
  readonly rows: T
  readonly next: string | undefined

  constructor(rows: T, next: string | undefined) {
    this.rows = rows
    this.next = next
  }
}

/** Writes a text piece by piece, until it resolves. A failure before the first piece is answered as such; later ones cut the answer off. */
export type TextWriter = (write: (text: string) => void) => Promise<void>

/** An answer that others have written already, in parts of JSON text, where that is too much work for the thread that serves all. */
export class WrittenJson {
  readonly #parts: readonly (string | Uint8Array)[]

  constructor(parts: readonly (string | Uint8Array)[]) {
    this.#parts = parts
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
  }
}

type Answered<O extends Operation> = O extends { paged: true }
  ? Page<AnswerOf<O>>
  : O extends { isText: true }
    ? TextWriter
    : O extends { isWritten: true }
      ? WrittenJson
      : AnswerOf<O>

/** What answers operations: one function each, named as the operation. */
export type Handlers<N extends OperationName = OperationName> = {
  readonly [K in N]: (call: Call<Operations[K]>) => Promise<Answered<Operations[K]>> | Answered<Operations[K]>
}

const configurationLimit = 64 * 1024 * 1024

/** Serves one operation: who may, then what was sent, then the handler. */
export function addRoute(
  app: FastifyInstance,
  prefix: string,
  operation: Operation,
  access: Access,
  /** @throws FarwatchError where this instance does not do it at present */
  refuse: () => void,
  /** What answers it in the present role. @throws FarwatchError `not-in-this-role` */
  handlerNow: () => (call: Call<Operation>) => unknown,
): void {
  const readParams = operation.params === undefined ? undefined : textReader(operation.params, 'path parameter')
  const readQuery = operation.query === undefined ? refuseQuery : textReader(operation.query, 'query parameter')
  const readBody = operation.body === undefined ? undefined : bodyReader(operation.body)
  app.route({
    method: operation.method,
    url: prefix + operation.path.replace(/\{(\w+)\}/g, ':$1'),
    ...(operation.path === '/configuration' ? { bodyLimit: configurationLimit } : {}),
    onRequest: async (request) => {
      // Before the body is read: nobody without a token makes this instance parse anything.
      if (operation.allowed !== 'nobody in particular') authenticate(request, access, operation.allowed)
      refuse()
    },
    handler: async (request, reply) => {
      const handle = handlerNow()
      const gone = new AbortController()
      abortWhereCutOff(reply, gone)
      if (operation.isLong === true) request.raw.setTimeout(0)
      // The three readers check against the operation's own schemas, which is what ParamsOf and the others derive from.
      const answer = await handle({
        params: readParams?.(request.params) ?? {},
        query: readQuery(request.query),
        body: await readBody?.(operation.isBodyOptional === true ? (request.body ?? {}) : request.body),
        caller: callers.get(request) ?? { username: '', grants: [], via: 'session', token: '' },
        address: request.ip,
        host: request.host,
        signal: gone.signal,
      } as Call<Operation>)
      // Only operations with `isText` are answered by functions.
      return typeof answer === 'function' ? streamText(reply, answer as TextWriter) : answerWith(reply, answer)
    },
  })
}

/** Aborts where the client goes away before it has its answer. An abort makes an error with a stack: too dear for each answer that got through. */
export function abortWhereCutOff({ raw }: FastifyReply, gone: AbortController): void {
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort()
  })
}

function refuseQuery(given: unknown): unknown {
  refuseBroken(given)
  const unknown = Object.keys(given as object)[0]
  if (unknown !== undefined)
    throw new FarwatchError('bad-request', `The query is not as documented: ${unknown} is not a query parameter here`, {
      hint: 'This request has no query parameters.',
    })
  return {}
}

function answerWith(reply: FastifyReply, answer: unknown): unknown {
  if (answer instanceof Page && answer.next !== undefined) void reply.header('farwatch-next-cursor', answer.next)
  const body = answer instanceof Page ? answer.rows : answer
  const isWritten = body instanceof WrittenJson
  if (!isWritten && !isLong(body)) return body
  void reply.type('application/json; charset=utf-8')
  return isWritten ? body.bytes() : Readable.from(writingJson(body))
}

async function streamText(reply: FastifyReply, write: TextWriter): Promise<FastifyReply> {
  const text = new PassThrough()
  let hasBegun = false
  const begin = () => {
    if (hasBegun) return
    hasBegun = true
    void reply.type('text/plain; charset=utf-8').send(text)
  }
  try {
    await write((more) => {
      begin()
      text.write(more)
    })
  } catch (thrown) {
    if (!hasBegun) throw thrown
    text.destroy(new Error(messageOf(thrown)))
    return reply
  }
  begin()
  text.end()
  return reply
}

const callers = new WeakMap<FastifyRequest, Caller>()

/** Finds out who sends the request. @throws FarwatchError `unauthenticated`, `forbidden` where no grant anywhere gives the role */
export function authenticate(request: FastifyRequest, access: Access, role: Role): Caller {
  const token = /^Bearer (\S{1,500})$/i.exec(request.headers.authorization ?? '')?.[1]
  const principal = token === undefined ? undefined : access.authenticate(token)
  if (token === undefined || principal === undefined) {
    throw new FarwatchError(
      'unauthenticated',
      token === undefined ? 'no token came with the request' : 'the token is unknown, expired or revoked',
      {
        hint: 'Send `Authorization: Bearer <token>`; POST /api/v1/sessions gives one.',
      },
    )
  }
  if (!mayAnywhere(principal.grants, role)) throw forbidden(principal, role, null)
  const caller = { ...principal, token }
  callers.set(request, caller)
  return caller
}

/** @throws FarwatchError `forbidden` unless the caller has the role in the group; null is for what belongs to no group */
export function demand(caller: Caller, role: Role, group: string | null): void {
  if (!may(caller.grants, role, group)) throw forbidden(caller, role, group)
}

/** The groups the caller may look at; undefined for all of them. */
export function visibleGroups(caller: Principal): readonly string[] | undefined {
  const groups = groupsWith(caller.grants, 'viewer')
  return groups === '*' ? undefined : [...groups]
}

function forbidden(principal: Principal, role: Role, group: string | null): FarwatchError {
  const where = group === null ? 'for the whole instance' : `in group ${JSON.stringify(group)}`
  return new FarwatchError('forbidden', `${principal.username} has not the role ${role} ${where}`, {
    hint: 'An administrator can grant it: PATCH /users.',
  })
}
