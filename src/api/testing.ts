import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { request as startRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Server as TlsServer } from 'node:tls'
import { accessSchema, openAccess, type Access } from '../access/index.ts'
import { FarwatchError } from '../base/index.ts'
import { operations, type Operation, type OperationName } from '../contract/index.ts'
import {
  defaultLeaseSettings,
  defaultPlacementSettings,
  distributionSchema,
  openDistribution,
  type Distribution,
} from '../distribution/index.ts'
import { defaultPairSettings, type DrillReport, type PairSettings } from '../failover/index.ts'
import { inventorySchema, openInventory, type Inventory } from '../inventory/index.ts'
import { smallLibrary } from '../inventory/testing.ts'
import {
  linkSchema,
  makeLinkServer,
  openRegistry,
  type LinkClient,
  type LinkServer,
  type Registry,
  type ReportedStatus,
} from '../link/index.ts'
import { emptyAssignment, makeTestClient, type TestClientOptions } from '../link/testing.ts'
import {
  hashPassword,
  hashToken,
  newToken,
  openDatabase,
  openKeystore,
  openLogs,
  openSettings,
  prepareDataDirectory,
  silentLog,
  systemClock,
  vaultWith,
  verifyPassword,
  type GivenSettings,
  type Keystore,
  type LiveSettings,
  type Logs,
} from '../platform/index.ts'
import type { FailoverFacts, FailoverQuestions, PairNow } from './failover.ts'
import { LiveEvents } from './live-events.ts'
import { agentHandlers } from './handlers/agent-handlers.ts'
import { instanceHandlers } from './handlers/instance-handlers.ts'
import { placementHandlers } from './handlers/placement-handlers.ts'
import type { FleetQuestions } from './questions.ts'
import type { Handlers } from './route.ts'
import { makeServer } from './server.ts'

export const adminToken = 'fw_test-administrator'

export interface TestAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: unknown
}

/** The HTTPS side of a server with real engines behind it, on the loopback, and agents that are real on their half of the link. */
export interface TestApi {
  readonly url: string
  readonly access: Access
  readonly keystore: Keystore
  readonly settings: LiveSettings
  readonly logs: Logs
  readonly live: LiveEvents
  readonly inventory: Inventory
  readonly registry: Registry
  readonly distribution: Distribution
  readonly localId: string
  /** In force from the next request on. */
  handlers: Partial<Handlers>
  link: LinkServer | undefined
  /** How it stands in a pair. */
  pair: PairNow | undefined
  call(
    name: OperationName,
    input?: { params?: Record<string, string>; query?: Record<string, unknown>; body?: unknown; token?: string },
  ): Promise<TestAnswer>
  /** A GET of what lies outside of the contract. */
  get(path: string): Promise<TestAnswer>
  /** A POST of bytes as they are. */
  post(path: string, body: Uint8Array, headers?: Record<string, string>): Promise<TestAnswer>
  /** An agent that polls until the end. */
  agent(options?: Partial<TestClientOptions>): { readonly client: LinkClient; stop(): Promise<void> }
  /** Resolves when it is so; looked at after each change of registry and placement, and after each poll. */
  until(isSo: () => boolean): Promise<void>
  stop(): Promise<void>
}

export async function startTestApi(
  given: Pick<GivenSettings, 'flags' | 'environment'> & { readonly portal?: string } = {},
): Promise<TestApi> {
  const path = mkdtempSync(join(tmpdir(), 'farwatch-api-'))
  const directory = await prepareDataDirectory(path, systemClock.now())
  const keystore = await openKeystore(directory, { now: () => systemClock.now(), onProblem: () => undefined })
  const settings = await openSettings(directory, given)
  const logs = await openLogs({ level: 'info', clock: systemClock, output: { write: () => undefined } })
  const database = await openDatabase({
    file: join(path, 'farwatch.db'),
    schema: [accessSchema, inventorySchema, linkSchema, distributionSchema],
  })
  const inventory = await openInventory({
    database,
    library: smallLibrary,
    vault: vaultWith(new Uint8Array(32)),
    clock: systemClock,
    log: silentLog,
  })
  const audit = (change: Parameters<Inventory['auditStatement']>[0]) => [inventory.auditStatement(change)]
  const access = await openAccess({
    database,
    clock: systemClock,
    secrets: { hashPassword, verifyPassword, newToken, hashToken },
    sessionMs: () => 3_600_000,
    localToken: adminToken,
    audit,
  })
  const registry = await openRegistry({
    database,
    clock: systemClock,
    secrets: { newToken, hashToken },
    audit,
    log: silentLog,
    reservedNames: ['local'],
  })
  const distribution = await openDistribution({
    database,
    clock: systemClock,
    log: silentLog,
    settings: () => ({ lease: defaultLeaseSettings, placement: defaultPlacementSettings }),
  })
  const localId = randomUUID()
  const local = { id: localId, name: 'local', local: true, registration: 'ACCEPTED', admin: 'ON' } as const
  const follow = () =>
    distribution.setAgents([
      local,
      ...registry.agents().map(({ id, name, registration, isOn }) => ({
        id,
        name,
        local: false,
        registration,
        admin: isOn ? ('ON' as const) : ('OFF' as const),
      })),
    ])
  follow()
  registry.onChange(follow)
  const facts = (monitors: readonly string[]) => ({
    monitors: [...monitors],
    machine: { cores: 2, parallelTasks: 64 },
    provesReach: false,
  })
  distribution.heard(localId, { facts: facts(['http.response', 'tcp.port']) })
  const work = () =>
    distribution.setWork({
      groups: inventory.runners(),
      connectors: inventory.systems().flatMap(({ group, connectors }) =>
        connectors.map(({ id, tasks, pin }) => ({
          id,
          group,
          programs: [],
          tasks,
          ...(pin === undefined
            ? {}
            : { pin: pin === 'local' ? localId : (registry.agents().find(({ name }) => name === pin)?.id ?? pin) }),
        })),
      ),
    })
  work()
  inventory.onChange(work)
  const looks = new Set<() => void>()
  const look = () => {
    for (const one of looks) one()
  }
  distribution.onChange(look)
  registry.onChange(() => queueMicrotask(look))
  const statuses = new Map<string, ReportedStatus>()
  const link = makeLinkServer({
    registry,
    clock: systemClock,
    log: silentLog,
    version: '1.0.0',
    term: () => 1,
    notActive: () => undefined,
    higherTerm: () => undefined,
    servers: () => [],
    holdMs: () => 200,
    assignmentFor: () => emptyAssignment,
    ownedTask: () => true,
    upload: async () => ({ acknowledged: 0, safe: 0, pauseMs: 0 }),
    polled: (agent, { status }) => {
      statuses.set(agent.id, status)
      distribution.heard(agent.id, {
        facts: facts(Object.keys(agent.monitors)),
        confirms: distribution.assignmentScope(agent.id).version,
        left: 0,
      })
      look()
    },
  })
  const fleet: FleetQuestions = {
    registry,
    distribution,
    localId,
    seen(id) {
      const agent = link.connected().find((one) => one.id === id)
      if (agent === undefined) return undefined
      const { monitors, machine, protocol } = agent
      const lacks = [...smallLibrary.monitors.keys()].filter((monitor) => !(monitor in monitors))
      return { status: statuses.get(id), monitors, machine, protocol, lacks }
    },
    runNow: () => Promise.reject(new Error('nothing runs here')),
    logs: async (id, maxBytes, onText) =>
      void (await link.command(id, { is: 'send-logs', maxBytes }, { timeoutMs: 10_000, onText })),
    rekey: async (id) => void (await link.command(id, { is: 're-key' }, { timeoutMs: 10_000 })),
  }
  const live = new LiveEvents({
    clock: systemClock,
    groupOf: (task) => inventory.task(task)?.group,
    principalOf: (token) => access.authenticate(token),
  })
  const roles = () => ({ server: settings.values.role !== 'agent', agent: settings.values.role !== 'server' })
  const startedAt = systemClock.now()
  const own = () => ({ version: '1.0.0', fingerprint: 'its-own', startedAt })
  let url = ''
  const describe = () => ({
    uuid: localId,
    name: settings.values.name,
    version: '1.0.0',
    roles: roles(),
    servers: [...settings.values.servers],
    fingerprint: 'its-own',
    startedAt: new Date(startedAt).toISOString(),
    portalUrl: url,
  })
  const state: Pick<TestApi, 'handlers' | 'link' | 'pair'> = {
    handlers: {
      ...agentHandlers({ fleet, clock: systemClock, keystore, inventory, own }),
      ...placementHandlers({ inventory, fleet }),
      ...instanceHandlers({
        describe,
        settings,
        logs,
        inventory,
        rolesSettled: async () => undefined,
        pair: () => state.pair,
      }),
    },
    link,
    pair: undefined,
  }
  const app = await makeServer({
    version: '1.0.0',
    access,
    tls: keystore.tlsMaterial(),
    portal: given.portal,
    notReady: () => undefined,
    metrics: async () => '',
    metricsPublic: () => false,
    stream: (request, reply, caller) => live.stream(request, reply, caller),
    log: silentLog,
    roles,
    handlers: () => state.handlers,
    link: () => state.link,
    pair: () => state.pair,
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  // Given TLS material, its server is one of node:tls.
  const tlsServer = app.server as unknown as TlsServer
  keystore.onChange(() => tlsServer.setSecureContext(keystore.tlsMaterial()))
  // It listens on a port, so its address is one.
  const { port } = app.server.address() as AddressInfo
  url = `https://localhost:${port}`
  distribution.start()
  const agents: { stop(): Promise<void> }[] = []

  const send = (method: string, where: string, headers: Record<string, string>, body: Uint8Array | undefined) =>
    new Promise<TestAnswer>((resolve, reject) => {
      const request = startRequest(
        { host: '127.0.0.1', port, method, path: where, headers, rejectUnauthorized: false },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString()
            const isJson = String(response.headers['content-type']).startsWith('application/json')
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: isJson ? JSON.parse(text) : text,
            })
          })
        },
      )
      request.on('error', reject)
      request.end(body)
    })

  return Object.assign(state, {
    url,
    access,
    keystore,
    settings,
    logs,
    live,
    inventory,
    registry,
    distribution,
    localId,
    call: (name: OperationName, input: Parameters<TestApi['call']>[1] = {}) => {
      const operation: Operation = operations[name]
      const where = operation.path.replace(/\{(\w+)\}/g, (_, key: string) => input.params?.[key] ?? '')
      const query = new URLSearchParams(
        Object.fromEntries(Object.entries(input.query ?? {}).map(([key, value]) => [key, String(value)])),
      )
      const body = input.body === undefined ? undefined : Buffer.from(JSON.stringify(input.body))
      return send(
        operation.method,
        `/api/v1${where}${query.size === 0 ? '' : `?${query.toString()}`}`,
        {
          authorization: `Bearer ${input.token ?? adminToken}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body,
      )
    },
    get: (where: string) => send('GET', where, {}, undefined),
    post: (where: string, body: Uint8Array, headers: Record<string, string> = {}) => send('POST', where, headers, body),
    agent(options: Partial<TestClientOptions> = {}) {
      const client = makeTestClient(keystore, { url, ...options })
      const ending = new AbortController()
      const polling = (async () => {
        let known: string | undefined
        while (!ending.signal.aborted) {
          // Ends with the agent; what went wrong before is tried again by the link itself.
          const assignment = await client.assignment(known, ending.signal).catch(() => undefined)
          known = assignment?.version ?? known
        }
      })()
      const agent = {
        client,
        async stop() {
          ending.abort()
          await client.stop()
          await polling
        },
      }
      agents.push(agent)
      return agent
    },
    until: (isSo: () => boolean) =>
      new Promise<void>((resolve) => {
        if (isSo()) return resolve()
        const lookOnce = () => {
          if (!isSo()) return
          looks.delete(lookOnce)
          resolve()
        }
        looks.add(lookOnce)
      }),
    async stop() {
      for (const agent of agents) await agent.stop()
      link.stop()
      await app.close()
      await distribution.stop()
      await logs.close()
      keystore.close()
      await database.close()
      rmSync(path, { recursive: true, force: true })
    },
  })
}

export const pairUrl = 'https://a.example:8443'
/** How a SECONDARY stands that is well. */
export const standsBy: PairNow = {
  role: 'SECONDARY',
  state: 'standby',
  term: 3,
  notActive: 'this server is standing by: the PRIMARY is active, with term 3',
  activeUrl: pairUrl,
}

export const drillOfTest: DrillReport = {
  startedAt: Date.UTC(2026, 0, 31, 12),
  endedAt: Date.UTC(2026, 0, 31, 12, 0, 4),
  by: 'admin',
  there: { ms: 900, idleMs: 150 },
  back: { ms: 1_100, idleMs: 200 },
  resultsLost: 0,
  duplicates: 0,
  runsMissed: 0,
  notificationsRepeated: 0,
  problems: [],
}

/** A SECONDARY that stands by; remembers what was asked of it. */
export function fakePair(asked: unknown[]): FailoverQuestions {
  let settings: PairSettings = { ...defaultPairSettings, role: 'SECONDARY', mode: 'STANDBY', peerUrl: pairUrl }
  const facts = (): FailoverFacts => ({
    pair: {
      settings,
      mode: settings.mode,
      state: 'standby',
      term: 3,
      lag: 4,
      peer: {
        state: 'active',
        isOn: true,
        acts: true,
        term: 3,
        position: { term: 3, count: 104 },
        isWhole: true,
        unsound: undefined,
        followers: 1,
        configuration: 'c1',
        handOver: 'none',
        asksForHandOver: false,
        heardMsAgo: 700,
      },
      witnesses: [{ agent: 'id-of-x', says: 'served' }],
      handsOver: false,
      problems: [],
      pollProblem: undefined,
    },
    parts: {
      history: { is: 'copying', why: 'a gap' },
      database: { is: 'following', point: { line: 'l', position: 4, checksum: '' }, changes: 4, seconds: 0.5 },
    },
    setUp: [{ on: 'SECONDARY', isDone: true, message: 'The SECONDARY has the URL of the PRIMARY.' }],
    ownUuid: 'e71ac1f6-6c4a-4c7e-9c0e-0a1b2c3d4e5f',
    peerFingerprint: undefined,
  })
  return {
    now: () => standsBy,
    status: async () => facts(),
    set: async (given, by) => {
      asked.push({ given, by })
      if (given.mode === 'ACTIVE')
        throw refused('mode', 'a SECONDARY cannot be set to ACTIVE by hand', 'Set it to STANDBY.')
      if (given.peerUrl?.startsWith('https://') === false)
        throw refused('peerUrl', `\`${given.peerUrl}\` is not an https:// URL`, 'Give the URL of the PRIMARY.')
      settings = { ...settings, ...given }
    },
    handOver: async (by) => {
      asked.push({ handOver: by })
      return { active: 'SECONDARY', term: 4, ms: 850 }
    },
    forcePrice: () => ({
      missingChanges: 4,
      lastContactMsAgo: 700,
      configuration: { here: 'c1', there: 'c2' },
    }),
    force: async (by) => void asked.push({ force: by }),
    drill: async () => drillOfTest,
    drills: async () => [drillOfTest],
  }
}

function refused(path: string, message: string, hint: string): FarwatchError {
  return new FarwatchError('invalid-value', message, { hint, problems: [{ path, message, hint }] })
}
