import type { Database, Row, SchemaPart, Statement } from '../platform/index.ts'

/**
 * Agents as the server knows them, keys that are good no more, and enrolment tokens, of which only hashes are kept. Times: epoch ms.
 * All of it is small and asked with every message, so it is read into memory once.
 */
export const linkSchema: SchemaPart = {
  name: 'link',
  steps: [
    `CREATE TABLE agent (
       id TEXT PRIMARY KEY,
       name TEXT NOT NULL,
       announced_name TEXT NOT NULL,
       registration TEXT NOT NULL,
       is_on INTEGER NOT NULL,
       public_key TEXT NOT NULL,
       sealing_key TEXT NOT NULL,
       fingerprint TEXT NOT NULL,
       version TEXT NOT NULL,
       address TEXT NOT NULL,
       first_seen_at INTEGER NOT NULL,
       said_hello_at INTEGER NOT NULL,
       decided_at INTEGER,
       decided_by TEXT
     ) STRICT;
     CREATE TABLE agent_revoked_key (fingerprint TEXT PRIMARY KEY, agent TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
     CREATE TABLE enrolment_token (
       id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, note TEXT NOT NULL, created_by TEXT NOT NULL,
       created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, uses INTEGER NOT NULL, uses_left INTEGER NOT NULL
     ) STRICT;`,
  ],
}

/** One agent's registration. */
export interface AgentEntry {
  /** The instance's UUID. */
  readonly id: string
  /** What associations call it: as it named itself when it was accepted, or as an administrator did. Unique among the accepted. */
  readonly name: string
  /** What it calls itself by now. */
  readonly announcedName: string
  readonly registration: 'PENDING' | 'ACCEPTED' | 'REJECTED'
  readonly isOn: boolean
  /** Ed25519 and X25519, SPKI as PEM. */
  readonly publicKey: string
  readonly sealingKey: string
  readonly fingerprint: string
  readonly version: string
  /** Where its last hello came from, as far as can be seen behind proxies. */
  readonly address: string
  readonly firstSeenAt: number
  readonly saidHelloAt: number
  readonly decidedAt: number | null
  readonly decidedBy: string | null
}

export interface EnrolmentToken {
  readonly id: string
  readonly note: string
  readonly createdBy: string
  readonly createdAt: number
  readonly expiresAt: number
  readonly uses: number
  readonly usesLeft: number
}

export type StoredToken = EnrolmentToken & { readonly hash: string }

export async function readRegistry(database: Database): Promise<{
  readonly agents: readonly AgentEntry[]
  readonly revoked: readonly { readonly fingerprint: string; readonly agent: string }[]
  readonly tokens: readonly StoredToken[]
}> {
  const agents = await database.read('SELECT * FROM agent')
  const revoked = await database.read<{ fingerprint: string; agent: string }>(
    'SELECT fingerprint, agent FROM agent_revoked_key',
  )
  const tokens = await database.read('SELECT * FROM enrolment_token')
  return { agents: agents.map(asAgent), revoked, tokens: tokens.map(asToken) }
}

function asAgent(row: Row): AgentEntry {
  return {
    id: String(row['id']),
    name: String(row['name']),
    announcedName: String(row['announced_name']),
    // Written below, from the same type.
    registration: row['registration'] as AgentEntry['registration'],
    isOn: row['is_on'] === 1,
    publicKey: String(row['public_key']),
    sealingKey: String(row['sealing_key']),
    fingerprint: String(row['fingerprint']),
    version: String(row['version']),
    address: String(row['address']),
    firstSeenAt: Number(row['first_seen_at']),
    saidHelloAt: Number(row['said_hello_at']),
    decidedAt: row['decided_at'] === null ? null : Number(row['decided_at']),
    decidedBy: row['decided_by'] === null ? null : String(row['decided_by']),
  }
}

function asToken(row: Row): StoredToken {
  return {
    id: String(row['id']),
    hash: String(row['token_hash']),
    note: String(row['note']),
    createdBy: String(row['created_by']),
    createdAt: Number(row['created_at']),
    expiresAt: Number(row['expires_at']),
    uses: Number(row['uses']),
    usesLeft: Number(row['uses_left']),
  }
}

export function storing(agent: AgentEntry): Statement {
  return {
    sql: `INSERT INTO agent (id, name, announced_name, registration, is_on, public_key, sealing_key, fingerprint, version, address,
            first_seen_at, said_hello_at, decided_at, decided_by)
          VALUES ($id, $name, $announcedName, $registration, $isOn, $publicKey, $sealingKey, $fingerprint,
            $version, $address, $firstSeenAt, $saidHelloAt, $decidedAt, $decidedBy)
          ON CONFLICT (id) DO UPDATE SET
            name = excluded.name, announced_name = excluded.announced_name, registration = excluded.registration,
            is_on = excluded.is_on, public_key = excluded.public_key, sealing_key = excluded.sealing_key,
            fingerprint = excluded.fingerprint, version = excluded.version, address = excluded.address,
            said_hello_at = excluded.said_hello_at, decided_at = excluded.decided_at, decided_by = excluded.decided_by`,
    params: { ...agent, isOn: agent.isOn ? 1 : 0 },
  }
}

export function removing(id: string): Statement {
  return { sql: 'DELETE FROM agent WHERE id = $id', params: { id } }
}

export function revoking(fingerprint: string, agent: string, at: number): Statement {
  return {
    sql: 'INSERT INTO agent_revoked_key (fingerprint, agent, at) VALUES ($fingerprint, $agent, $at) ON CONFLICT (fingerprint) DO NOTHING',
    params: { fingerprint, agent, at },
  }
}

export function storingToken(token: StoredToken): Statement {
  return {
    sql: `INSERT INTO enrolment_token (id, token_hash, note, created_by, created_at, expires_at, uses, uses_left)
          VALUES ($id, $hash, $note, $createdBy, $createdAt, $expiresAt, $uses, $usesLeft)`,
    params: { ...token },
  }
}

/** Undoes the whole batch where no use was left. */
export function usingToken(id: string): Statement {
  return {
    sql: 'UPDATE enrolment_token SET uses_left = uses_left - 1 WHERE id = $id AND uses_left > 0',
    params: { id },
    expect: 1,
  }
}

export function removingToken(id: string): Statement {
  return { sql: 'DELETE FROM enrolment_token WHERE id = $id', params: { id } }
}
