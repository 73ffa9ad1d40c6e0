import { FarwatchError, formatDuration, parseDuration, pathId, suggest, type Clock } from '../base/index.ts'
import type { Database, Row, Statement } from '../platform/index.ts'
import { Attempts } from './attempts.ts'
import { may, narrowed, type Grant } from './grants.ts'

/** Who sends a request. */
export interface Principal {
  readonly username: string
  readonly grants: readonly Grant[]
  readonly via: 'session' | 'token'
  /** When the API token that was sent ends; absent for sessions and for tokens without an end. */
  readonly until?: number
}

export interface UserAccount {
  readonly username: string
  readonly grants: readonly Grant[]
  readonly createdAt: number
  readonly lastSeenAt: number | null
}

export interface TokenAccount {
  readonly id: string
  readonly name: string
  readonly username: string
  readonly grants: readonly Grant[]
  readonly createdAt: number
  readonly expiresAt: number | null
  readonly lastUsedAt: number | null
}

/** What hashing the engine is handed; the platform's. */
export interface Secrets {
  hashPassword(password: string): Promise<string>
  verifyPassword(password: string, stored: string | undefined): Promise<boolean>
  newToken(): { readonly token: string; readonly hash: string }
  hashToken(token: string): string
}

/** A change for the audit log, written in the same batch as the change itself. */
export interface AccessChange {
  readonly who: string
  readonly action: string
  readonly what: string
  readonly before: unknown
  readonly after: unknown
}

export interface AccessDependencies {
  readonly database: Database
  readonly clock: Clock
  readonly secrets: Secrets
  readonly sessionMs: () => number
  /** The token of this machine's own administrator, good for as long as this process lives. */
  readonly localToken?: string
  readonly audit: (change: AccessChange) => readonly Statement[]
}

export interface Access {
  /** What is stored was changed by something else than this (the other server of a pair): reads it anew. */
  reload(): Promise<void>
  /** No user exists yet. */
  setupNeeded(): boolean
  /** Makes a new set-up token; the one before is no longer good. Only while set-up is needed. */
  makeSetupToken(): Promise<string>
  /** @throws FarwatchError `unauthenticated` for a wrong token, `conflict` where set-up was done, `too-many-requests` */
  setUp(given: { token: string; username: string; password: string; address: string }): Promise<NewSession>
  /** Makes the first administrator without a token, for unattended installation. Does nothing where users exist. */
  ensureAdministrator(username: string, password: string): Promise<boolean>
  /** @throws FarwatchError `wrong-password`, `too-many-requests` */
  signIn(given: { username: string; password: string; address: string }): Promise<NewSession>
  signOut(token: string): Promise<void>
  /** The principal of a bearer token, or undefined. Answered from memory. */
  authenticate(token: string): Principal | undefined
  users(): readonly UserAccount[]
  createUser(by: string, given: { username: string; password: string; grants: readonly Grant[] }): Promise<UserAccount>
  updateUser(
    by: string,
    username: string,
    given: { password?: string; grants?: readonly Grant[] },
  ): Promise<UserAccount>
  changeOwnPassword(username: string, password: string, newPassword: string, keepToken: string): Promise<void>
  removeUser(by: string, username: string): Promise<void>
  /** A group has another name: the grants of users and of their tokens that name it follow, all or none. */
  renameGroup(by: string, from: string, to: string): Promise<void>
  tokens(of: Principal): readonly TokenAccount[]
  createToken(
    by: Principal,
    given: { name: string; expiresIn?: string; grants?: readonly Grant[] },
  ): Promise<TokenAccount & { token: string }>
  removeToken(by: Principal, id: string): Promise<void>
}

export interface NewSession {
  readonly token: string
  readonly expiresAt: number
}

interface StoredUser {
  readonly username: string
  readonly passwordHash: string
  readonly grants: readonly Grant[]
  readonly createdAt: number
}

/** Who can read the data directory can read everything in it; there is no more to protect from them. */
const localAdministrator: Principal = {
  username: 'command line',
  grants: [{ group: '*', role: 'admin' }],
  via: 'token',
}

const maxApiTokensPerUser = 1_000
const maxSessionsPerUser = 200

/**
 * Users, their sessions and API tokens. All of it is small and asked at every request, so it is held in memory; each change is
 * stored first and then made in memory.
 */
export async function openAccess({
  database,
  clock,
  secrets,
  sessionMs,
  audit,
  localToken,
}: AccessDependencies): Promise<Access> {
  let users = new Map<string, StoredUser>()
  let sessions = new Map<string, ReturnType<typeof readSession>>()
  let tokens = new Map<string, ReturnType<typeof readToken>>()
  // When somebody was last seen is for people's eyes; it is not worth a write at every request and starts anew with the program.
  const seenAt = new Map<string, number>()
  const perName = new Attempts({ free: 5, windowMs: 300_000, maxKeys: 10_000 })
  const perAddress = new Attempts({ free: 20, windowMs: 300_000, maxKeys: 10_000 })
  let setupHash: string | undefined
  await load()

  async function load(): Promise<void> {
    const [storedUsers, storedSessions, storedTokens, setup] = await Promise.all([
      database.read('SELECT * FROM user_account'),
      database.read('SELECT * FROM session'),
      database.read('SELECT * FROM api_token'),
      database.read('SELECT token_hash FROM setup_token'),
    ])
    users = new Map(storedUsers.map(readUser).map((user) => [user.username, user]))
    sessions = new Map(storedSessions.map(readSession).map((session) => [session.hash, session]))
    tokens = new Map(storedTokens.map(readToken).map((token) => [token.hash, token]))
    setupHash = setup.map((row) => String(row['token_hash']))[0]
  }

  const localHash = localToken === undefined ? undefined : secrets.hashToken(localToken)

  function refuseTooMany(name: string, address: string): void {
    const wait = Math.max(perName.waitMs(name, clock.now()), perAddress.waitMs(address, clock.now()))
    if (wait > 0) {
      throw new FarwatchError(
        'too-many-requests',
        `too many failed attempts; try again in ${formatDuration(Math.ceil(wait / 1_000) * 1_000)}`,
        {
          hint: 'An administrator can set a new password with PATCH /users.',
          retryAfterMs: wait,
        },
      )
    }
  }

  async function newSession(username: string): Promise<NewSession> {
    const { token, hash } = secrets.newToken()
    const now = clock.now()
    const session = { hash, username, createdAt: now, expiresAt: now + sessionMs() }
    const own = [...sessions.values()].filter((s) => s.username === username).sort((a, b) => a.createdAt - b.createdAt)
    const ended = [...sessions.values()].filter((s) => s.expiresAt <= now)
    // Somebody's script that signs in for every call must not grow the table for ever.
    ended.push(...own.slice(0, Math.max(0, own.length + 1 - maxSessionsPerUser)))
    await database.write([
      ...ended.map((s) => ({ sql: 'DELETE FROM session WHERE token_hash = $hash', params: { hash: s.hash } })),
      {
        sql: 'INSERT INTO session (token_hash, username, created_at, expires_at) VALUES ($hash, $username, $createdAt, $expiresAt)',
        params: { hash, username, createdAt: session.createdAt, expiresAt: session.expiresAt },
      },
    ])
    for (const s of ended) sessions.delete(s.hash)
    sessions.set(hash, session)
    return { token, expiresAt: session.expiresAt }
  }

  async function addUser(
    by: string,
    username: string,
    password: string,
    grants: readonly Grant[],
    also: readonly Statement[] = [],
  ): Promise<UserAccount> {
    const user = { username, passwordHash: await secrets.hashPassword(password), grants, createdAt: clock.now() }
    if (users.has(username))
      throw new FarwatchError('conflict', `a user named ${JSON.stringify(username)} exists already`, {
        hint: 'Choose another name, or change that user.',
      })
    await database.write([
      {
        sql: 'INSERT INTO user_account (username, password_hash, grants, created_at) VALUES ($username, $passwordHash, $grants, $createdAt)',
        params: {
          username,
          passwordHash: user.passwordHash,
          grants: JSON.stringify(grants),
          createdAt: user.createdAt,
        },
      },
      ...also,
      ...audit({
        who: by,
        action: 'user added',
        what: `user ${JSON.stringify(username)}`,
        before: null,
        after: { grants },
      }),
    ])
    users.set(username, user)
    return shownUser(user)
  }

  function known(username: string): StoredUser {
    const user = users.get(username)
    if (user === undefined)
      throw new FarwatchError('not-found', `there is no user named ${JSON.stringify(username)}`, {
        hint: suggest(username, users.keys()),
      })
    return user
  }

  function refuseLosingTheLastAdministrator(without: string, grants: readonly Grant[]): void {
    if (may(grants, 'admin', null)) return
    if ([...users.values()].some((user) => user.username !== without && may(user.grants, 'admin', null))) return
    throw new FarwatchError('conflict', 'this would leave nobody who may administer this instance', {
      hint: 'Give another user the role admin in group * first.',
    })
  }

  function endSessionsOf(username: string, except?: string): void {
    for (const session of sessions.values())
      if (session.username === username && session.hash !== except) sessions.delete(session.hash)
  }

  function shownUser(user: StoredUser): UserAccount {
    return {
      username: user.username,
      grants: user.grants,
      createdAt: user.createdAt,
      lastSeenAt: seenAt.get(user.username) ?? null,
    }
  }

  return {
    reload: load,

    setupNeeded: () => users.size === 0,

    async makeSetupToken() {
      const { token, hash } = secrets.newToken()
      await database.write([
        {
          sql: 'INSERT INTO setup_token (only_one, token_hash) VALUES (1, $hash) ON CONFLICT (only_one) DO UPDATE SET token_hash = excluded.token_hash',
          params: { hash },
        },
      ])
      setupHash = hash
      return token
    },

    async setUp({ token, username, password, address }) {
      if (users.size > 0)
        throw new FarwatchError('conflict', 'this instance has been set up already', { hint: 'Sign in instead.' })
      refuseTooMany('', address)
      if (setupHash === undefined || secrets.hashToken(token) !== setupHash) {
        perAddress.failed(address, clock.now())
        throw new FarwatchError('unauthenticated', 'this set-up link is not good any more', {
          hint: 'Restart Farwatch: it prints a new one.',
        })
      }
      await addUser(username, username, password, [{ group: '*', role: 'admin' }], [{ sql: 'DELETE FROM setup_token' }])
      setupHash = undefined
      return newSession(username)
    },

    async ensureAdministrator(username, password) {
      if (users.size > 0) return false
      await addUser(
        'farwatch',
        username,
        password,
        [{ group: '*', role: 'admin' }],
        [{ sql: 'DELETE FROM setup_token' }],
      )
      setupHash = undefined
      return true
    },

    async signIn({ username, password, address }) {
      refuseTooMany(username, address)
      if (!(await secrets.verifyPassword(password, users.get(username)?.passwordHash))) {
        perName.failed(username, clock.now())
        perAddress.failed(address, clock.now())
        throw new FarwatchError('wrong-password', 'user name or password is wrong')
      }
      perName.succeeded(username)
      seenAt.set(username, clock.now())
      return newSession(username)
    },

    async signOut(token) {
      const hash = secrets.hashToken(token)
      await database.write([{ sql: 'DELETE FROM session WHERE token_hash = $hash', params: { hash } }])
      sessions.delete(hash)
    },

    authenticate(token) {
      const hash = secrets.hashToken(token)
      if (hash === localHash) return localAdministrator
      const now = clock.now()
      const session = sessions.get(hash)
      const found = session ?? tokens.get(hash)
      const user = found === undefined ? undefined : users.get(found.username)
      if (found === undefined || user === undefined || (found.expiresAt !== null && found.expiresAt <= now))
        return undefined
      seenAt.set(user.username, now)
      if (session !== undefined) return { username: user.username, grants: user.grants, via: 'session' }
      seenAt.set(`token ${hash}`, now)
      return {
        username: user.username,
        grants: narrowed(user.grants, tokens.get(hash)!.grants),
        via: 'token',
        ...(found.expiresAt === null ? {} : { until: found.expiresAt }),
      }
    },

    users: () => [...users.values()].map(shownUser).sort((a, b) => (a.username < b.username ? -1 : 1)),

    createUser: (by, { username, password, grants }) => addUser(by, username, password, grants),

    async updateUser(by, username, { password, grants }) {
      const user = known(username)
      if (grants !== undefined) refuseLosingTheLastAdministrator(username, grants)
      const changed: StoredUser = {
        ...user,
        grants: grants ?? user.grants,
        passwordHash: password === undefined ? user.passwordHash : await secrets.hashPassword(password),
      }
      await database.write([
        {
          sql: 'UPDATE user_account SET password_hash = $passwordHash, grants = $grants WHERE username = $username',
          params: { username, passwordHash: changed.passwordHash, grants: JSON.stringify(changed.grants) },
          expect: 1,
        },
        ...(password === undefined
          ? []
          : [{ sql: 'DELETE FROM session WHERE username = $username', params: { username } }]),
        ...audit({
          who: by,
          action: 'user changed',
          what: `user ${JSON.stringify(username)}`,
          before: { grants: user.grants },
          after: { grants: changed.grants, ...(password === undefined ? {} : { password: '***' }) },
        }),
      ])
      users.set(username, changed)
      if (password !== undefined) endSessionsOf(username)
      return shownUser(changed)
    },

    async changeOwnPassword(username, password, newPassword, keepToken) {
      const user = known(username)
      refuseTooMany(username, '')
      if (!(await secrets.verifyPassword(password, user.passwordHash))) {
        perName.failed(username, clock.now())
        throw new FarwatchError('wrong-password', 'the present password is wrong')
      }
      const keep = secrets.hashToken(keepToken)
      const changed = { ...user, passwordHash: await secrets.hashPassword(newPassword) }
      await database.write([
        {
          sql: 'UPDATE user_account SET password_hash = $passwordHash WHERE username = $username',
          params: { username, passwordHash: changed.passwordHash },
          expect: 1,
        },
        { sql: 'DELETE FROM session WHERE username = $username AND token_hash <> $keep', params: { username, keep } },
        ...audit({
          who: username,
          action: 'password changed',
          what: `user ${JSON.stringify(username)}`,
          before: null,
          after: { password: '***' },
        }),
      ])
      users.set(username, changed)
      endSessionsOf(username, keep)
    },

    async removeUser(by, username) {
      const user = known(username)
      refuseLosingTheLastAdministrator(username, [])
      await database.write([
        { sql: 'DELETE FROM user_account WHERE username = $username', params: { username }, expect: 1 },
        ...audit({
          who: by,
          action: 'user removed',
          what: `user ${JSON.stringify(username)}`,
          before: { grants: user.grants },
          after: null,
        }),
      ])
      users.delete(username)
      endSessionsOf(username)
      for (const token of tokens.values()) if (token.username === username) tokens.delete(token.hash)
    },

    async renameGroup(by, from, to) {
      const names = (grants: readonly Grant[]): boolean => grants.some(({ group }) => group === from)
      const follow = (grants: readonly Grant[]): Grant[] =>
        grants.map((grant) => (grant.group === from ? { ...grant, group: to } : grant))
      const changedUsers = [...users.values()]
        .filter(({ grants }) => names(grants))
        .map((user) => ({ ...user, grants: follow(user.grants) }))
      const changedTokens = [...tokens.values()]
        .filter(({ grants }) => names(grants))
        .map((token) => ({ ...token, grants: follow(token.grants) }))
      if (changedUsers.length + changedTokens.length === 0) return
      await database.write([
        ...changedUsers.flatMap(({ username, grants }) => [
          {
            sql: 'UPDATE user_account SET grants = $grants WHERE username = $username',
            params: { username, grants: JSON.stringify(grants) },
            expect: 1,
          },
          ...audit({
            who: by,
            action: 'user changed',
            what: `user ${JSON.stringify(username)}`,
            before: { grants: users.get(username)?.grants },
            after: { grants },
          }),
        ]),
        ...changedTokens.map(({ hash, grants }) => ({
          sql: 'UPDATE api_token SET grants = $grants WHERE token_hash = $hash',
          params: { hash, grants: JSON.stringify(grants) },
          expect: 1,
        })),
      ])
      for (const user of changedUsers) users.set(user.username, user)
      for (const token of changedTokens) tokens.set(token.hash, token)
    },

    tokens: (of) =>
      [...tokens.values()]
        .filter((token) => token.username === of.username || may(of.grants, 'admin', null))
        .map((token) => ({ ...withoutHash(token), lastUsedAt: seenAt.get(`token ${token.hash}`) ?? null }))
        .sort((a, b) => a.createdAt - b.createdAt),

    async createToken(by, { name, expiresIn, grants }) {
      const lifetime = expiresIn === undefined ? undefined : parseDuration(expiresIn)
      if (expiresIn !== undefined && (lifetime === undefined || lifetime <= 0)) {
        throw new FarwatchError('invalid-value', `expiresIn: ${JSON.stringify(expiresIn)} is not a duration`, {
          hint: 'For example: 12h, 90d',
        })
      }
      if (!users.has(by.username))
        throw new FarwatchError('forbidden', `a token belongs to a user, and ${by.username} is none`, {
          hint: 'Sign in as a user to make one.',
        })
      const beyond = (grants ?? []).find(
        (grant) => !may(by.grants, grant.role, grant.group === '*' ? null : grant.group),
      )
      if (beyond !== undefined)
        throw new FarwatchError(
          'forbidden',
          `the token would have the role ${beyond.role} in group ${JSON.stringify(beyond.group)}, which its maker has not`,
          { hint: "A token has at most its maker's own grants." },
        )
      if ([...tokens.values()].filter((t) => t.username === by.username).length >= maxApiTokensPerUser) {
        throw new FarwatchError('conflict', `${by.username} has ${maxApiTokensPerUser} tokens already`, {
          hint: 'Remove some that are no longer used.',
        })
      }
      const { token, hash } = secrets.newToken()
      const now = clock.now()
      const stored = {
        id: pathId(hash),
        hash,
        name,
        username: by.username,
        grants: grants ?? by.grants,
        createdAt: now,
        expiresAt: soonest(lifetime === undefined ? null : now + lifetime, by.until ?? null),
      }
      await database.write([
        {
          sql: 'INSERT INTO api_token (id, token_hash, name, username, grants, created_at, expires_at) VALUES ($id, $hash, $name, $username, $grants, $createdAt, $expiresAt)',
          params: { ...stored, grants: JSON.stringify(stored.grants) },
        },
        ...audit({
          who: by.username,
          action: 'token made',
          what: `token ${JSON.stringify(name)}`,
          before: null,
          after: { grants: stored.grants, expiresAt: stored.expiresAt },
        }),
      ])
      tokens.set(hash, stored)
      return { ...withoutHash(stored), lastUsedAt: null, token }
    },

    async removeToken(by, id) {
      const token = [...tokens.values()].find(
        (t) => t.id === id && (t.username === by.username || may(by.grants, 'admin', null)),
      )
      if (token === undefined)
        throw new FarwatchError('not-found', `there is no token ${JSON.stringify(id)}`, {
          hint: 'GET /tokens lists them.',
        })
      await database.write([
        { sql: 'DELETE FROM api_token WHERE id = $id', params: { id }, expect: 1 },
        ...audit({
          who: by.username,
          action: 'token revoked',
          what: `token ${JSON.stringify(token.name)}`,
          before: { username: token.username, grants: token.grants },
          after: null,
        }),
      ])
      tokens.delete(token.hash)
    },
  }
}

/** A token that makes another does not outlive itself by it. */
function soonest(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b)
}

function withoutHash<T extends { readonly hash: string }>({ hash: _, ...rest }: T): Omit<T, 'hash'> {
  return rest
}

function readUser(row: Row): StoredUser {
  return {
    username: String(row['username']),
    passwordHash: String(row['password_hash']),
    grants: readGrants(row),
    createdAt: Number(row['created_at']),
  }
}

function readSession(row: Row) {
  return {
    hash: String(row['token_hash']),
    username: String(row['username']),
    createdAt: Number(row['created_at']),
    expiresAt: Number(row['expires_at']),
  }
}

function readToken(row: Row) {
  const expiresAt = row['expires_at']
  return {
    id: String(row['id']),
    hash: String(row['token_hash']),
    name: String(row['name']),
    username: String(row['username']),
    grants: readGrants(row),
    createdAt: Number(row['created_at']),
    expiresAt: expiresAt === null || expiresAt === undefined ? null : Number(expiresAt),
  }
}

function readGrants(row: Row): readonly Grant[] {
  // Written by this file only.
  return JSON.parse(String(row['grants'])) as readonly Grant[]
}
