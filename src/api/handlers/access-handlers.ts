import type { Access, TokenAccount, UserAccount } from '../../access/index.ts'
import { FarwatchError, iso, isoOrNull } from '../../base/index.ts'
import type { Handlers } from '../route.ts'
import { demand } from '../route.ts'

type Names =
  | 'createSession'
  | 'endSession'
  | 'showSetup'
  | 'setUp'
  | 'showMe'
  | 'changePassword'
  | 'listUsers'
  | 'createUser'
  | 'updateUser'
  | 'removeUser'
  | 'listTokens'
  | 'createToken'
  | 'removeToken'

/** Sign-in, set-up, users and tokens. */
export function accessHandlers(access: Access): Handlers<Names> {
  return {
    createSession: async ({ body, address }) => session(await access.signIn({ ...body, address })),
    endSession: async ({ caller }) => {
      await access.signOut(caller.token)
      return { done: true }
    },
    showSetup: () => ({ needed: access.setupNeeded() }),
    setUp: async ({ body, address }) =>
      session(await access.setUp({ ...body, username: checkedName(body.username), address })),
    showMe: ({ caller }) => ({ username: caller.username, grants: [...caller.grants], via: caller.via }),
    changePassword: async ({ caller, body }) => {
      if (caller.via !== 'session')
        throw new FarwatchError('forbidden', 'a password is changed by its owner, signed in, not with an API token')
      await access.changeOwnPassword(caller.username, body.password, body.newPassword, caller.token)
      return { done: true }
    },
    listUsers: ({ caller }) => {
      demand(caller, 'admin', null)
      return access.users().map(user)
    },
    createUser: async ({ caller, body }) => {
      demand(caller, 'admin', null)
      return user(await access.createUser(caller.username, { ...body, username: checkedName(body.username) }))
    },
    updateUser: async ({ caller, params, body }) => {
      demand(caller, 'admin', null)
      return user(await access.updateUser(caller.username, params.username, body))
    },
    removeUser: async ({ caller, params }) => {
      demand(caller, 'admin', null)
      await access.removeUser(caller.username, params.username)
      return { done: true }
    },
    listTokens: ({ caller }) => access.tokens(caller).map(token),
    createToken: async ({ caller, body }) => {
      const made = await access.createToken(caller, { ...body, name: checkedName(body.name) })
      return { ...token(made), token: made.token }
    },
    removeToken: async ({ caller, params }) => {
      await access.removeToken(caller, params.id)
      return { done: true }
    },
  }
}

/** Names are kept exactly as sent; the few that could not be told from others or typed again are refused. */
function checkedName(name: string): string {
  if (/\p{Cc}/u.test(name) || name !== name.trim())
    throw new FarwatchError(
      'bad-request',
      `the name ${JSON.stringify(name.slice(0, 60))} contains control characters, or white space at its ends`,
    )
  return name
}

function session({ token: bearer, expiresAt }: { token: string; expiresAt: number }) {
  return { token: bearer, expiresAt: iso(expiresAt) }
}

function user(account: UserAccount) {
  return {
    username: account.username,
    grants: [...account.grants],
    createdAt: iso(account.createdAt),
    lastSeenAt: isoOrNull(account.lastSeenAt),
  }
}

function token(account: TokenAccount) {
  const { id, name, username, grants, createdAt, expiresAt, lastUsedAt } = account
  return {
    id,
    name,
    username,
    grants: [...grants],
    createdAt: iso(createdAt),
    expiresAt: isoOrNull(expiresAt),
    lastUsedAt: isoOrNull(lastUsedAt),
  }
}
