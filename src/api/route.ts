import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { groupsWith, may, mayAnywhere, type Access, type Principal } from '../access/index.ts'
import { FarwatchError } from '../base/index.ts'
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

/** A request whose parts were checked against its operation. */
export interface Call<O extends Operation> {
  readonly params: ParamsOf<O>
  readonly query: QueryOf<O>
  readonly body: BodyOf<O>
  readonly caller: Caller
  readonly address: string
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

type MaybePage<O extends Operation> = O extends { paged: true } ? Page<AnswerOf<O>> : AnswerOf<O>

/** What answers operations: one function each, named as the operation. */
export type Handlers<N extends OperationName = OperationName> = {
  readonly [K in N]: (call: Call<Operations[K]>) => Promise<MaybePage<Operations[K]>> | MaybePage<Operations[K]>
}

const configurationLimit = 64 * 1024 * 1024

/** Serves one operation: who may, then what was sent, then the handler. */
export function addRoute(
  app: FastifyInstance,
  prefix: string,
  operation: Operation,
  access: Access,
  handle: (call: Call<Operation>) => unknown,
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
    },
    handler: async (request, reply) => {
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      // The three readers check against the operation's own schemas, which is what ParamsOf and the others derive from.
      const answer = await handle({
        params: readParams?.(request.params) ?? {},
        query: readQuery(request.query),
        body: readBody?.(request.body),
        caller: callers.get(request) ?? { username: '', grants: [], via: 'session', token: '' },
        address: request.ip,
        signal: gone.signal,
      } as Call<Operation>)
      return answerWith(reply, answer)
    },
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
  if (!(answer instanceof Page)) return answer
  if (answer.next !== undefined) void reply.header('farwatch-next-cursor', answer.next)
  return answer.rows
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
