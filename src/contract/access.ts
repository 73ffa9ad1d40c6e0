import { Type, type Static } from 'typebox'
import type { Operation } from './operation.ts'
import { Done, DurationText, Id, Name, Nullable, Timestamp, exact } from './schemas.ts'

export const RoleName = Type.Enum(['viewer', 'operator', 'editor', 'admin'])

/** `group` is a group's name, or `*` for all of them and for what belongs to no group. */
export const Grant = exact({ group: Name, role: RoleName })
export type Grant = Static<typeof Grant>

export const User = exact({
  username: Name,
  grants: Type.Array(Grant, { maxItems: 1_000 }),
  createdAt: Timestamp,
  lastSeenAt: Nullable(Timestamp),
})
export type User = Static<typeof User>

const Password = Type.String({ minLength: 10, maxLength: 1_000 })
const NewSession = exact({ token: Type.String(), expiresAt: Timestamp })

export const ApiToken = exact({
  id: Id,
  name: Name,
  username: Name,
  grants: Type.Array(Grant),
  createdAt: Timestamp,
  expiresAt: Nullable(Timestamp),
  lastUsedAt: Nullable(Timestamp),
})

const tag = 'Access'
const byName = exact({ username: Name })

export const accessOperations = {
  createSession: {
    method: 'POST',
    path: '/sessions',
    tag,
    summary: 'Signs in',
    allowed: 'nobody in particular',
    isLocal: true,
    body: exact({
      username: Type.String({ minLength: 1, maxLength: 200 }),
      password: Type.String({ minLength: 1, maxLength: 1_000 }),
    }),
    answer: NewSession,
  },
  endSession: {
    method: 'DELETE',
    path: '/sessions/current',
    tag,
    summary: 'Signs out',
    allowed: 'viewer',
    isLocal: true,
    answer: Done,
  },
  showSetup: {
    method: 'GET',
    path: '/setup',
    tag,
    summary: 'Whether the first administrator is still to be made',
    allowed: 'nobody in particular',
    answer: exact({ needed: Type.Boolean() }),
  },
  setUp: {
    method: 'POST',
    path: '/setup',
    tag,
    summary: 'Makes the first administrator, once, with the token of the set-up link',
    allowed: 'nobody in particular',
    isLocal: true,
    body: exact({ token: Type.String({ minLength: 1, maxLength: 200 }), username: Name, password: Password }),
    answer: NewSession,
  },
  showMe: {
    method: 'GET',
    path: '/me',
    tag,
    summary: 'The signed-in user',
    allowed: 'viewer',
    answer: exact({ username: Name, grants: Type.Array(Grant), via: Type.Enum(['session', 'token']) }),
  },
  changePassword: {
    method: 'PUT',
    path: '/me/password',
    tag,
    summary: "Changes one's own password; other sessions end",
    allowed: 'viewer',
    body: exact({ password: Type.String({ minLength: 1, maxLength: 1_000 }), newPassword: Password }),
    answer: Done,
  },
  listUsers: { method: 'GET', path: '/users', tag, summary: 'All users', allowed: 'admin', answer: Type.Array(User) },
  createUser: {
    method: 'POST',
    path: '/users',
    tag,
    summary: 'Adds a user',
    allowed: 'admin',
    body: exact({ username: Name, password: Password, grants: Type.Array(Grant, { maxItems: 1_000 }) }),
    answer: User,
  },
  updateUser: {
    method: 'PATCH',
    path: '/users/{username}',
    tag,
    summary: "Changes a user's grants or password; sessions end where the password changed",
    allowed: 'admin',
    params: byName,
    body: exact({ password: Type.Optional(Password), grants: Type.Optional(Type.Array(Grant, { maxItems: 1_000 })) }),
    answer: User,
  },
  removeUser: {
    method: 'DELETE',
    path: '/users/{username}',
    tag,
    summary: 'Removes a user, with sessions and tokens',
    allowed: 'admin',
    params: byName,
    answer: Done,
  },
  listTokens: {
    method: 'GET',
    path: '/tokens',
    tag,
    summary: "One's own API tokens; for an administrator everybody's",
    allowed: 'viewer',
    answer: Type.Array(ApiToken),
  },
  createToken: {
    method: 'POST',
    path: '/tokens',
    tag,
    summary: 'Makes an API token; the answer is the only time it is shown',
    allowed: 'viewer',
    body: exact({
      name: Name,
      expiresIn: Type.Optional(DurationText),
      grants: Type.Optional(
        Type.Array(Grant, {
          minItems: 1,
          maxItems: 1_000,
          description: "Narrower than the user's own; default: the same",
        }),
      ),
    }),
    answer: exact({ ...ApiToken.properties, token: Type.String() }),
  },
  removeToken: {
    method: 'DELETE',
    path: '/tokens/{id}',
    tag,
    summary: 'Revokes an API token at once',
    allowed: 'viewer',
    params: exact({ id: Id }),
    answer: Done,
  },
} as const satisfies Record<string, Operation>
