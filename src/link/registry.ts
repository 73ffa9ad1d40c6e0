import { randomUUID, type KeyObject } from 'node:crypto'
import { FarwatchError, type Clock } from '../base/index.ts'
import type { Database, Log, Statement } from '../platform/index.ts'
import { readPublicKey } from '../platform/wire/index.ts'
import {
  readRegistry,
  removing,
  removingToken,
  revoking,
  storing,
  storingToken,
  usingToken,
  type AgentEntry,
  type EnrolmentToken,
  type StoredToken,
} from './registry-store.ts'
import { TokenBuckets } from './token-bucket.ts'

/** A change for the audit log, written in the same batch as the change itself. */
export interface RegistryChange {
  readonly who: string
  readonly action: string
  readonly what: string
  readonly before: unknown
  readonly after: unknown
}

export interface RegistryOptions {
  readonly database: Database
  readonly clock: Clock
  readonly secrets: {
    newToken(): { readonly token: string; readonly hash: string }
    hashToken(token: string): string
  }
  readonly audit: (change: RegistryChange) => readonly Statement[]
  readonly log: Log
  /** Names that no remote agent may bear: that of the server's own. */
  readonly reservedNames: readonly string[]
}

/** What an agent says of itself, its signature verified with the very key that it gives. */
export interface Announcement {
  readonly uuid: string
  readonly name: string
  readonly publicKey: string
  readonly fingerprint: string
  readonly sealingKey: string
  readonly version: string
  readonly enrolmentToken: string | undefined
  readonly address: string
}

export interface Standing {
  readonly state: 'UNKNOWN' | 'PENDING' | 'ACCEPTED' | 'REJECTED' | 'REVOKED'
  /** What has to be done now, for people. Empty for ACCEPTED. */
  readonly message: string
}

/** An agent together with its key, ready to verify with. */
export type RegisteredAgent = AgentEntry & { readonly key: KeyObject; readonly sealTo: KeyObject }

/**
 * The registration of agents.
 *
 *   unknown ──hello──▶ PENDING ──accept──▶ ACCEPTED
 *      ▲                │   │                  │
 *      ├──not heard of──┘   reject          remove: its key is revoked, for good
 *      │    for a day       ▼                  ▼
 *      └──────lift────── REJECTED           unknown; with another key it may say hello again
 *
 * A valid enrolment token goes from unknown or PENDING to ACCEPTED at once. A key is changed by its owner only: the new one announced
 * under the old one's signature. What is stored is true in memory only afterwards.
 */
export interface Registry {
  agents(): readonly AgentEntry[]
  agent(id: string): RegisteredAgent | undefined
  isRevoked(fingerprint: string): boolean
  /** Never throws for what an agent did. @throws FarwatchError `too-many-requests`, `conflict` where its UUID has another key, `storage-unwritable` */
  announce(announcement: Announcement): Promise<Standing>
  standing(id: string, fingerprint: string): Standing
  /** Accepts a pending or rejected one. @throws FarwatchError `not-found`, `conflict` where another has its name */
  accept(id: string, by: string, name?: string): Promise<AgentEntry>
  reject(id: string, by: string): Promise<AgentEntry>
  /** A rejected one becomes unknown: its next hello is like its first. @throws FarwatchError `not-found`, `conflict` */
  lift(id: string, by: string): Promise<void>
  rename(id: string, by: string, name: string): Promise<AgentEntry>
  setOn(id: string, by: string, isOn: boolean): Promise<AgentEntry>
  /** Deletes it and revokes its key. */
  remove(id: string, by: string): Promise<void>
  /** @throws FarwatchError `conflict` */
  changeKey(id: string, from: string, next: { readonly publicKey: string; readonly sealingKey: string }): Promise<void>
  createToken(
    by: string,
    given: { readonly expiresInMs: number; readonly uses: number; readonly note?: string },
  ): Promise<EnrolmentToken & { readonly token: string }>
  tokens(): readonly EnrolmentToken[]
  removeToken(id: string, by: string): Promise<void>
  /** Forgets pending agents that were not heard of for a day, and tokens that have expired. To be called every minute or so. */
  expire(): Promise<void>
  /** Called with the id after every change of an agent. @returns how to stop listening */
  onChange(listener: (id: string) => void): () => void
}

const pendingMs = 86_400_000
const mostPending = 500
const mostTokens = 1_000
const longestTokenMs = 366 * 86_400_000
/** A hello of an agent as before is only worth a write every so often. */
const seenAgainMs = 3_600_000

export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  const { database, clock, secrets, audit, log, reservedNames } = options
  const stored = await readRegistry(database)
  const agents = new Map(stored.agents.map((entry) => [entry.id, withKeys(entry)]))
  const revoked = new Set(stored.revoked.map(({ fingerprint }) => fingerprint))
  const tokens = new Map<string, StoredToken>(stored.tokens.map((token) => [token.hash, token]))
  const listeners = new Set<(id: string) => void>()
  // Forty agents behind one address are set up in an afternoon; a stranger who makes up identities is slowed down to one in ten seconds,
  // and all strangers together to one a second.
  const newFrom = new TokenBuckets({ burst: 30, perSecond: 0.1, limit: 10_000 })
  const newAtAll = new TokenBuckets({ burst: 200, perSecond: 1, limit: 1 })

  // One change after another: each is decided by what the one before has stored.
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const done = queue.then(act)
    queue = done.catch(() => undefined)
    return done
  }
  const tell = (id: string) => {
    for (const listener of listeners) listener(id)
  }
  const store = async (entry: AgentEntry, ...with_: readonly Statement[]): Promise<AgentEntry> => {
    await database.write([storing(entry), ...with_])
    agents.set(entry.id, withKeys(entry))
    tell(entry.id)
    return entry
  }
  const known = (id: string): AgentEntry => {
    const entry = agents.get(id)
    if (entry === undefined) throw new FarwatchError('not-found', `no agent has the id ${id.slice(0, 100)}`)
    return bare(entry)
  }
  const isFree = (name: string, id: string): boolean =>
    !reservedNames.includes(name.toLowerCase()) &&
    ![...agents.values()].some(
      (other) => other.id !== id && other.registration === 'ACCEPTED' && same(other.name, name),
    )
  const decide = (id: string, by: string, action: string, change: (entry: AgentEntry) => AgentEntry) =>
    inTurn(async () => {
      const before = known(id)
      const after = change(before)
      const done = await store(
        after,
        ...audit({ who: by, action, what: `agent ${before.name}`, before: shown(before), after: shown(after) }),
      )
      log.info('agent registration changed', { agent: id, name: after.name, action, by })
      return done
    })
  const named = (entry: AgentEntry, name: string): AgentEntry => {
    if (name.length === 0 || name.length > 253)
      throw new FarwatchError('invalid-value', 'the name of an agent has 1 to 253 characters')
    if (!isFree(name, entry.id))
      throw new FarwatchError('conflict', `another agent is called ${JSON.stringify(name)}`, {
        hint: 'Associations go by this name, so it must be unique. Give this one another.',
      })
    return { ...entry, name }
  }

  function validToken(text: string | undefined): StoredToken | undefined {
    const token = text === undefined ? undefined : tokens.get(secrets.hashToken(text))
    return token !== undefined && token.usesLeft > 0 && token.expiresAt > clock.now() ? token : undefined
  }

  async function announce(said: Announcement): Promise<Standing> {
    // Before anything is stored that could not be read again.
    readPublicKey(said.sealingKey, 'x25519')
    const present = agents.get(said.uuid)
    if (revoked.has(said.fingerprint)) return revokedStanding(said.fingerprint)
    if (present !== undefined && present.fingerprint !== said.fingerprint)
      throw new FarwatchError(
        'conflict',
        `this instance (${said.uuid}) is registered on the server with another key: ${present.fingerprint}`,
        {
          hint: 'Where the key was replaced on purpose, remove the agent on the server; it then says hello like a new one. Otherwise somebody copied its data directory, or gave out its UUID.',
        },
      )
    const token =
      present === undefined || present.registration === 'PENDING' ? validToken(said.enrolmentToken) : undefined
    const at = clock.now()
    if (present === undefined) refuseTooMany(said.address, token !== undefined)
    const { sealingKey, version, address } = said
    const now: AgentEntry = {
      ...(present === undefined
        ? {
            id: said.uuid,
            registration: 'PENDING',
            isOn: true,
            publicKey: said.publicKey,
            fingerprint: said.fingerprint,
            firstSeenAt: at,
            decidedAt: null,
            decidedBy: null,
          }
        : bare(present)),
      // Before it is accepted it may call itself what it wants. Afterwards associations go by its name.
      name: present === undefined || present.registration === 'PENDING' ? said.name : present.name,
      announcedName: said.name,
      sealingKey,
      version,
      address,
      saidHelloAt: at,
    }
    if (token !== undefined) return enrol(now, token)
    if (present === undefined) {
      await store(now)
      log.info('agent asked to be accepted', { agent: now.id, name: now.name, fingerprint: now.fingerprint, address })
    } else if (isNews(present, now)) await store(now)
    const standing = standingOf(now)
    return said.enrolmentToken !== undefined && now.registration === 'PENDING'
      ? { ...standing, message: `The enrolment token is unknown, used up or expired. ${standing.message}` }
      : standing
  }

  async function enrol(entry: AgentEntry, token: StoredToken): Promise<Standing> {
    const by = `enrolment token ${token.id}`
    let name = entry.name
    for (let number = 2; !isFree(name, entry.id); number++) name = `${entry.name}-${number}`
    const accepted: AgentEntry = { ...entry, name, registration: 'ACCEPTED', decidedAt: clock.now(), decidedBy: by }
    await store(
      accepted,
      usingToken(token.id),
      ...audit({ who: by, action: 'agent accepted', what: `agent ${name}`, before: null, after: shown(accepted) }),
    )
    tokens.set(token.hash, { ...token, usesLeft: token.usesLeft - 1 })
    log.info('agent enrolled', { agent: entry.id, name, fingerprint: entry.fingerprint, token: token.id })
    return standingOf(accepted)
  }

  function refuseTooMany(address: string, hasToken: boolean): void {
    const at = clock.elapsed()
    const waitMs = hasToken ? 0 : newFrom.take(address, at) || newAtAll.take('all', at)
    if (waitMs > 0)
      throw new FarwatchError('too-many-requests', 'too many new agents have asked to be accepted', {
        hint: 'Wait a little; an enrolment token is not held up by this.',
      })
    if (hasToken) return
    let pending = 0
    for (const { registration } of agents.values()) if (registration === 'PENDING') pending++
    if (pending >= mostPending)
      throw new FarwatchError('too-many-requests', `${mostPending} agents wait to be accepted already`, {
        hint: 'Accept, reject or remove some of them on the server, or use an enrolment token.',
      })
  }

  return {
    agents: () => [...agents.values()].map(bare),
    agent: (id) => agents.get(id),
    isRevoked: (fingerprint) => revoked.has(fingerprint),
    announce: (said) => inTurn(() => announce(said)),
    standing(id, fingerprint) {
      if (revoked.has(fingerprint)) return revokedStanding(fingerprint)
      const entry = agents.get(id)
      return entry === undefined || entry.fingerprint !== fingerprint
        ? { state: 'UNKNOWN', message: 'This server does not know this agent.' }
        : standingOf(entry)
    },
    accept: (id, by, name) =>
      decide(id, by, 'agent accepted', (entry) => ({
        ...named(entry, name ?? entry.name),
        registration: 'ACCEPTED',
        decidedAt: clock.now(),
        decidedBy: by,
      })),
    reject: (id, by) =>
      decide(id, by, 'agent rejected', (entry) => ({
        ...entry,
        registration: 'REJECTED',
        decidedAt: clock.now(),
        decidedBy: by,
      })),
    lift: (id, by) =>
      inTurn(async () => {
        const entry = known(id)
        if (entry.registration !== 'REJECTED')
          throw new FarwatchError('conflict', `the agent ${entry.name} is not rejected`)
        await database.write([
          removing(id),
          ...audit({
            who: by,
            action: 'rejection lifted',
            what: `agent ${entry.name}`,
            before: shown(entry),
            after: null,
          }),
        ])
        agents.delete(id)
        tell(id)
      }),
    rename: (id, by, name) => decide(id, by, 'agent renamed', (entry) => named(entry, name)),
    setOn: (id, by, isOn) =>
      decide(id, by, isOn ? 'agent activated' : 'agent deactivated', (entry) => ({ ...entry, isOn })),
    remove: (id, by) =>
      inTurn(async () => {
        const entry = known(id)
        await database.write([
          removing(id),
          revoking(entry.fingerprint, id, clock.now()),
          ...audit({
            who: by,
            action: 'agent removed',
            what: `agent ${entry.name}`,
            before: shown(entry),
            after: null,
          }),
        ])
        agents.delete(id)
        revoked.add(entry.fingerprint)
        log.info('agent removed', { agent: id, name: entry.name, by })
        tell(id)
      }),
    changeKey: (id, from, next) =>
      inTurn(async () => {
        const entry = known(id)
        const { fingerprint } = readPublicKey(next.publicKey, 'ed25519')
        const taken =
          revoked.has(fingerprint) || [...agents.values()].some((other) => other.fingerprint === fingerprint)
        if (entry.fingerprint !== from || taken)
          throw new FarwatchError(
            'conflict',
            'the new key is in use or was revoked, or the old one was changed meanwhile',
          )
        const after: AgentEntry = { ...entry, ...next, fingerprint }
        await store(
          after,
          revoking(from, id, clock.now()),
          ...audit({
            who: `agent ${entry.name}`,
            action: 'agent key changed',
            what: `agent ${entry.name}`,
            before: shown(entry),
            after: shown(after),
          }),
        )
        revoked.add(from)
        log.info('agent changed its key', { agent: id, name: entry.name, from, to: fingerprint })
      }),
    createToken: (by, { expiresInMs, uses, note = '' }) =>
      inTurn(async () => {
        if (!(expiresInMs >= 1_000 && expiresInMs <= longestTokenMs))
          throw new FarwatchError('invalid-value', 'an enrolment token is good for 1 second to 366 days')
        if (!Number.isInteger(uses) || uses < 1 || uses > 10_000)
          throw new FarwatchError('invalid-value', 'an enrolment token is good for 1 to 10,000 agents')
        if (tokens.size >= mostTokens)
          throw new FarwatchError('conflict', `${mostTokens} enrolment tokens exist already`, {
            hint: 'Remove some of them.',
          })
        const { token, hash } = secrets.newToken()
        const at = clock.now()
        const made: StoredToken = {
          id: randomUUID(),
          hash,
          note: note.slice(0, 1_000),
          createdBy: by,
          createdAt: at,
          expiresAt: at + expiresInMs,
          uses,
          usesLeft: uses,
        }
        const after = withoutHash(made)
        await database.write([
          storingToken(made),
          ...audit({
            who: by,
            action: 'enrolment token made',
            what: `enrolment token ${made.id}`,
            before: null,
            after,
          }),
        ])
        tokens.set(hash, made)
        return { ...after, token }
      }),
    tokens: () => [...tokens.values()].map(withoutHash),
    removeToken: (id, by) =>
      inTurn(async () => {
        const token = [...tokens.values()].find((each) => each.id === id)
        if (token === undefined)
          throw new FarwatchError('not-found', `no enrolment token has the id ${id.slice(0, 100)}`)
        const before = withoutHash(token)
        await database.write([
          removingToken(id),
          ...audit({ who: by, action: 'enrolment token removed', what: `enrolment token ${id}`, before, after: null }),
        ])
        tokens.delete(token.hash)
      }),
    expire: () =>
      inTurn(async () => {
        const at = clock.now()
        const gone = [...agents.values()].filter(
          (entry) => entry.registration === 'PENDING' && entry.saidHelloAt <= at - pendingMs,
        )
        const over = [...tokens.values()].filter(({ expiresAt }) => expiresAt <= at)
        if (gone.length + over.length === 0) return
        await database.write([...gone.map(({ id }) => removing(id)), ...over.map(({ id }) => removingToken(id))])
        for (const { hash } of over) tokens.delete(hash)
        for (const { id } of gone) {
          agents.delete(id)
          tell(id)
        }
      }),
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

function withKeys(entry: AgentEntry): RegisteredAgent {
  return {
    ...entry,
    key: readPublicKey(entry.publicKey, 'ed25519').key,
    sealTo: readPublicKey(entry.sealingKey, 'x25519').key,
  }
}

function bare({ key: _key, sealTo: _sealTo, ...entry }: RegisteredAgent): AgentEntry {
  return entry
}

function withoutHash({ hash: _hash, ...token }: StoredToken): EnrolmentToken {
  return token
}

function shown({ id, name, registration, isOn, fingerprint }: AgentEntry) {
  return { id, name, registration, isOn, fingerprint }
}

function isNews(before: AgentEntry, after: AgentEntry): boolean {
  return (
    before.announcedName !== after.announcedName ||
    before.name !== after.name ||
    before.sealingKey !== after.sealingKey ||
    before.version !== after.version ||
    before.address !== after.address ||
    after.saidHelloAt - before.saidHelloAt > seenAgainMs
  )
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

function standingOf({ id, registration: state, fingerprint }: AgentEntry): Standing {
  switch (state) {
    case 'ACCEPTED':
      return { state, message: '' }
    case 'PENDING':
      return {
        state,
        message: `An administrator of the server has to accept this agent: compare the fingerprint ${fingerprint} there, then accept it in the portal or with \`farwatch agents accept ${id}\`.`,
      }
    case 'REJECTED':
      return {
        state,
        message: 'An administrator of the server rejected this agent. It stays rejected until that is lifted there.',
      }
  }
}

function revokedStanding(fingerprint: string): Standing {
  return {
    state: 'REVOKED',
    message: `This agent was removed on the server, and its key ${fingerprint} revoked for good. To be accepted anew it needs a new key.`,
  }
}
