import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '../base/index.ts'
import type { ConfigurationDocument } from '../contract/index.ts'
import { openDatabase, silentLog, vaultWith } from '../platform/index.ts'
import { TargetError, defineConnector, defineMonitor, definePlugin, makeLibrary, type Library } from '../sdk/index.ts'
import { openInventory, type Inventory } from './inventory.ts'
import { inventorySchema } from './store.ts'

const nowhere = () => Promise.reject(new TargetError('refused', 'nothing is measured in these tests'))

/** A library as small as can be, with one of everything that the inventory treats in a way of its own. */
export const smallLibrary: Library = makeLibrary({
  connectors: [
    defineConnector({
      id: 'http',
      title: 'HTTP',
      summary: 'A service that speaks HTTP.',
      settings: {
        url: { kind: 'url', label: 'URL', protocols: ['http', 'https'] },
        headers: { kind: 'map', label: 'Headers', default: {} },
      },
      credentials: ['basic', 'token'],
      target: ({ url }) => url,
      open: () => ({ url: '', request: nowhere }),
    }),
    defineConnector({
      id: 'tcp',
      title: 'TCP',
      summary: 'A port.',
      settings: {
        host: { kind: 'text', label: 'Host' },
        port: { kind: 'number', label: 'Port', min: 1, max: 65535, integer: true },
      },
      credentials: [],
      target: ({ host, port }) => `${host}:${port}`,
      open: () => ({ target: '', connect: nowhere, talk: nowhere, tls: nowhere }),
    }),
    defineConnector({
      id: 'postgresql',
      title: 'PostgreSQL',
      summary: 'A database.',
      settings: { host: { kind: 'text', label: 'Host' } },
      credentials: ['basic'],
      credentialRequired: true,
      target: ({ host }) => host,
      open: () => ({ target: '', database: '', dialect: 'postgresql', session: nowhere }),
    }),
  ],
  monitors: [
    defineMonitor({
      id: 'http.response',
      title: 'HTTP response',
      summary: 'How a request is answered.',
      connector: 'http',
      settings: {
        path: { kind: 'text', label: 'Path', default: '' },
        wait: { kind: 'duration', label: 'Wait', default: '1s', max: '1m' },
      },
      metrics: { duration: { title: 'Duration', unit: 'ms' }, status: { title: 'Status', unit: '' } },
      period: '1m',
      timeout: '10s',
      tested: 'real server',
      rules: [{ metric: 'duration', thresholds: { WARNING: '> 2s' } }],
      collect: async () => ({ metrics: {} }),
    }),
    defineMonitor({
      id: 'tcp.port',
      title: 'TCP port',
      summary: 'Whether a port answers.',
      connector: 'tcp',
      settings: {},
      metrics: { connect: { title: 'Connect', unit: 'ms' } },
      period: '30s',
      timeout: '5s',
      tested: 'real server',
      rules: [{ metric: 'failed', thresholds: { CRITICAL: '> 0' } }],
      collect: async () => ({ metrics: {} }),
    }),
  ],
  plugins: [
    definePlugin({
      id: 'webhook',
      title: 'Webhook',
      summary: 'Posts JSON.',
      settings: {
        url: { kind: 'url', label: 'URL', protocols: ['http', 'https'] },
        signingKey: { kind: 'secret', label: 'Signing key', optional: true },
      },
      honoursIdempotencyKey: true,
      alarm: async () => ({ delivered: true }),
    }),
  ],
})

/** The document of surface.md, but for what its library does not have. */
export const exampleDocument = {
  profiles: [
    {
      name: 'web-basic',
      connector: 'http',
      monitors: [
        {
          monitor: 'http.response',
          period: '10s',
          settings: { path: '/health' },
          rules: [{ metric: 'duration', thresholds: { WARNING: '> 2s', CRITICAL: '> 5s' }, for: '1m' }],
        },
      ],
    },
  ],
  groups: [
    {
      name: 'acme',
      whenCutOff: 'available',
      credentials: [{ name: 'shop-login', type: 'basic', username: 'monitor', secret: { value: 'hunter2' } }],
      systems: [
        {
          name: 'shop',
          type: 'web',
          tags: { env: 'prod' },
          connectors: [
            {
              name: 'front',
              type: 'http',
              settings: { url: 'http://127.0.0.1:8080/counter' },
              credential: 'shop-login',
              profiles: ['web-basic'],
            },
          ],
        },
      ],
    },
  ],
  associations: [{ group: 'acme', agents: ['north-1', 'north-2'] }],
  plugins: [
    {
      name: 'hook',
      plugin: 'webhook',
      settings: { url: 'http://127.0.0.1:9000/hook', signingKey: { value: 'sign-here' } },
      sends: ['alarms'],
    },
  ],
} as const satisfies ConfigurationDocument

/** An inventory in a directory of its own, which goes when it is disposed of. The very first start applies `defaults`, as the program does. */
export interface TestInventory extends AsyncDisposable {
  readonly inventory: Inventory
  readonly clock: ManualClock
  readonly file: string
  /** Ends the program, as it were, and starts it again on the same data. */
  restart(library?: Library, key?: Uint8Array): Promise<Inventory>
  /** What SQL finds in the database. */
  read(sql: string): Promise<readonly unknown[]>
  /** What SQL does to the database behind the inventory's back. */
  write(sql: string): Promise<unknown>
}

export async function openTestInventory(
  options: { library?: Library; defaults?: ConfigurationDocument; clock?: ManualClock } = {},
): Promise<TestInventory> {
  const directory = mkdtempSync(join(tmpdir(), 'farwatch-inventory-'))
  const file = join(directory, 'farwatch.db')
  const clock = options.clock ?? new ManualClock()
  const open = async (library: Library, key: Uint8Array = new Uint8Array(32).fill(7)) => {
    const database = await openDatabase({ file, schema: [inventorySchema] })
    const inventory = await openInventory({
      database,
      library,
      vault: vaultWith(key),
      clock,
      log: silentLog,
    })
    if (inventory.revision() === 0 && options.defaults !== undefined)
      await inventory.apply(options.defaults, { author: 'farwatch' })
    return { database, inventory }
  }
  try {
    let now = await open(options.library ?? smallLibrary)
    return {
      get inventory() {
        return now.inventory
      },
      clock,
      file,
      async restart(library = options.library ?? smallLibrary, key) {
        await now.database.close()
        now = await open(library, key)
        return now.inventory
      },
      read: (sql) => now.database.read(sql),
      write: (sql) => now.database.write([{ sql }]),
      async [Symbol.asyncDispose]() {
        await now.database.close()
        rmSync(directory, { recursive: true })
      },
    }
  } catch (thrown) {
    rmSync(directory, { recursive: true })
    throw thrown
  }
}
