import type { Static, TObject, TSchema } from 'typebox'

/** What a user must be allowed to do somewhere (in one group at least, or everywhere where the operation is not about a group). */
export type Role = 'viewer' | 'operator' | 'editor' | 'admin'

/**
 * One operation of the API, said once: it checks requests, types handlers and the portal's calls, and is the OpenAPI document.
 * Paths are below `/api/v1`; `{name}` stands for a path parameter.
 */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly summary: string
  readonly tag: string
  /** Who may call it. `nobody in particular`: open to everyone; used for sign-in and set-up only. */
  readonly allowed: Role | 'nobody in particular'
  readonly params?: TObject
  readonly query?: TObject
  readonly body?: TSchema
  /** A request without a body is taken like one with an empty object. */
  readonly isBodyOptional?: true
  readonly answer: TSchema
  /** The answer is a text that is streamed, one line after another: `text/plain`. */
  readonly isText?: true
  /** The answer comes to the thread that serves all as JSON text, written by another. */
  readonly isWritten?: true
  /** It may take minutes: what lies between must not take the silence for the end. */
  readonly isLong?: true
  /**
   * It concerns this instance alone, so that a server that does not act in its pair does it all the same. Whatever else is not a GET is
   * refused there with `not-active`.
   */
  readonly isLocal?: true
  /** Lists say in the header `Farwatch-Next-Cursor` where the next page begins. */
  readonly paged?: true
}

type StaticOr<S, Otherwise> = S extends TSchema ? Static<S> : Otherwise

export type ParamsOf<O extends Operation> = StaticOr<O['params'], Record<never, never>>
export type QueryOf<O extends Operation> = StaticOr<O['query'], Record<never, never>>
export type BodyOf<O extends Operation> = StaticOr<O['body'], undefined>
export type AnswerOf<O extends Operation> = Static<O['answer']>
