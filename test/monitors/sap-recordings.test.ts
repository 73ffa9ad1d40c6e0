import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseExposition } from '../../src/monitors/formats/exposition.ts'
import type { Gathered, OpenCredential } from '../../src/sdk/index.ts'
import { sapUser, startSapControl, type Answer, type Item, type SapControlServer } from '../servers/sapcontrol.ts'
import { measured } from './library.ts'

// What real start services said, and what others' programs made of it: recordings of GoogleCloudPlatform/sapagent, SUSE/sap_host_exporter and
// trento-project/web (all Apache-2.0). They are not ours to bring along; these stories run where they lie in shared/recordings beside this
// repository, or in the folder that FARWATCH_RECORDINGS names.

const beside = fileURLToPath(new URL('../../../shared/recordings', import.meta.url))
const folder = process.env['FARWATCH_RECORDINGS'] ?? (existsSync(beside) ? beside : undefined)
const user: OpenCredential = { type: 'basic', fields: sapUser }

const text = (path: string) => readFile(join(folder ?? '', 'sapcontrol', path), 'utf8')

let server: SapControlServer
beforeAll(async () => {
  server = await startSapControl()
})
afterAll(() => server.stop())

function run(id: string): Promise<Gathered<string>> {
  return measured(id, { host: '127.0.0.1', port: server.port, tls: 'off' }, {}, { credential: user })
}

const recorded = test.skipIf(folder === undefined)

// file → processes, and those with an id that was left out by the recording
const google: [string, string[]][] = [
  [
    'all_processes',
    [
      'hdbdaemon',
      'hdbcompileserver',
      'hdbindexserver',
      'hdbnameserver',
      'hdbpreprocessor',
      'hdbwebdispatcher',
      'hdbxsengine',
    ],
  ],
  ['subset_processes', ['hdbdaemon']],
  ['no_name', ['hdbdaemon', 'HDB Compileserver']],
  ['no_pid', ['hdbdaemon', 'hdbcompileserver', 'hdbindexserver']],
]
recorded.for(google)('sapagent: %s', async ([file, processes]) => {
  server.answers = { GetProcessList: { status: 200, body: await text(`google/${file}.stripped.xml`) } }
  const seen = await run('sap.processes')
  expect([seen.metrics['state'], seen.metrics['processes'], seen.metrics['not_green']]).toEqual([
    processes.map((name) => ({ labels: { process: name }, value: 2 })),
    processes.length,
    0,
  ])
})

recorded('sapagent: hours of a run time are not bounded', async () => {
  server.answers = { GetProcessList: { status: 200, body: await text('google/subset_processes.stripped.xml') } }
  expect((await run('sap.processes')).metrics['uptime']).toEqual([
    { labels: { process: 'hdbdaemon' }, value: (847 * 60 + 25) * 60 + 31 },
  ])
})

interface Trento {
  readonly payload: readonly {
    readonly Instances: readonly {
      readonly SAPControl: {
        readonly Instances: readonly Item[]
        readonly Processes: readonly Item[]
        readonly Properties: readonly Item[]
      }
    }[]
  }[]
}

recorded('trento: a system of four instances, seen from its second application server', async () => {
  // As it was published.
  const { payload } = JSON.parse(await text('trento/sap_system_discovery_application.json')) as Trento
  const said = payload[0]!.Instances[0]!.SAPControl
  server.answers = {
    GetProcessList: { list: 'process', items: said.Processes },
    GetSystemInstanceList: {
      list: 'instance',
      items: said.Instances.map((one) => ({ ...one, currentInstance: undefined })),
    },
    GetInstanceProperties: { list: 'properties', items: said.Properties },
    GetAccessPointList: { list: 'accesspoint', items: [] },
  }
  const instances = await run('sap.instances')
  const service = await run('sap.startsrv')
  const processes = await run('sap.processes')
  expect([
    instances.metrics['state'],
    instances.facts,
    service.metrics['methods'],
    service.metrics['methods_protected'],
    service.facts,
    processes.metrics['state'],
    server.asked.filter(({ operation }) => operation === 'GetAccessPointList').map(({ user: by }) => by),
  ]).toEqual([
    ['sapha1as_00', 'sapha1er_10', 'sapha1pas_01', 'sapha1aas1_02'].map((instance) => ({
      labels: { instance },
      value: 2,
    })),
    {
      sapha1as_00: 'MESSAGESERVER|ENQUE',
      sapha1er_10: 'ENQREP',
      sapha1pas_01: 'ABAP|GATEWAY|ICMAN|IGS',
      sapha1aas1_02: 'ABAP|GATEWAY|ICMAN|IGS',
    },
    93,
    109,
    { system: 'HA1', instance: 'D02' },
    ['gwrd', 'icman', 'igswd_mt', 'disp+work'].map((process) => ({ labels: { process }, value: 2 })),
    // It is among the methods that this start service protects.
    [sapUser.username],
  ])
})

interface SuseAnswer {
  readonly operation: string
  readonly items?: readonly Readonly<Record<string, string | number>>[]
  readonly fields?: Readonly<Record<string, string | number>>
}

/** The exporter's tests write down what differs from 0, under the names of its own program. */
async function suse(file: string, operation: string): Promise<readonly Readonly<Record<string, string | number>>[]> {
  // As it was published.
  const answers = JSON.parse(await text(`suse/${file}.input.json`)) as readonly SuseAnswer[]
  const found = answers.find((one) => one.operation === operation)
  return found?.items ?? (found?.fields === undefined ? [] : [found.fields])
}

async function exposed(file: string): Promise<Map<string, number>> {
  const { samples } = parseExposition(await text(`suse/${file}.expected.prom`), 'text')
  return new Map(
    samples.map(({ name, labels, value }) => [[name, labels['type'] ?? labels['name'] ?? ''].join(' ').trim(), value]),
  )
}

/** Items of a metric as lines of the same notation. */
function lines(seen: Gathered<string>, metric: string, prefix: string, label: string): [string, number][] {
  const items = seen.metrics[metric]
  return typeof items === 'number' || items === undefined
    ? []
    : items.map(({ labels, value }) => [`${prefix} ${labels[label]}`.trim(), value])
}

const dispatcher: Answer = { list: 'process', items: [{ name: 'disp+work', dispstatus: 'SAPControl-GREEN' }] }

recorded('sap_host_exporter: queues', async () => {
  const items = await suse('dispatcher.TestWorkProcessQueueStatsMetric', 'GetQueueStatistic')
  server.answers = {
    GetProcessList: dispatcher,
    GetQueueStatistic: {
      list: 'queue',
      items: items.map(({ Type, ...rest }) => ({ Typ: Type, Now: 0, High: 0, Max: 0, Writes: 0, Reads: 0, ...rest })),
    },
  }
  const seen = await run('sap.queues')
  const mine = ['now', 'high', 'max', 'writes', 'reads'].flatMap((metric) =>
    lines(seen, metric, `sap_dispatcher_queue_${metric}`, 'queue'),
  )
  expect(new Map(mine)).toEqual(await exposed('dispatcher.TestWorkProcessQueueStatsMetric'))
})

recorded('sap_host_exporter: the lock server', async () => {
  const [fields = {}] = await suse('enqueue_server.TestEnqueueServerMetrics', 'EnqGetStatistic')
  const dashed = (name: string) => name.replaceAll(/(?!^)([A-Z])/g, '-$1').toLowerCase()
  server.answers = {
    GetProcessList: { list: 'process', items: [{ name: 'enserver', dispstatus: 'SAPControl-GREEN' }] },
    EnqGetStatistic: {
      element: 'EnqStatistic',
      single: Object.fromEntries(Object.entries(fields).map(([name, value]) => [dashed(name), value])),
    },
  }
  const seen = await run('sap.enqueue')
  const prefix = 'sap_enqueue_server'
  const mine: [string, number][] = [
    ...['now', 'high', 'max'].flatMap((metric) =>
      lines(seen, metric, '', 'table').map(([table, value]): [string, number] => [
        `${prefix}_${table}_${metric}`,
        value,
      ]),
    ),
    ...lines(seen, 'state', '', 'part').map(([part, value]): [string, number] => [`${prefix}_${part}_state`, value]),
    ...lines(seen, 'requests', '', 'kind').map(([kind, value]): [string, number] => [`${prefix}_${kind}`, value]),
    ...['lock_time', 'lock_wait_time', 'server_time'].map((metric): [string, number] => [
      `${prefix}_${metric}`,
      Number(seen.metrics[metric]),
    ]),
  ]
  expect(new Map(mine)).toEqual(await exposed('enqueue_server.TestEnqueueServerMetrics'))
})

recorded('sap_host_exporter: processes and instances', async () => {
  const lower = (item: Readonly<Record<string, string | number>>) =>
    Object.fromEntries(Object.entries(item).map(([name, value]) => [name[0]!.toLowerCase() + name.slice(1), value]))
  server.answers = {
    GetProcessList: {
      list: 'process',
      items: (await suse('start_service.TestProcessesMetric', 'GetProcessList')).map(lower),
    },
  }
  const processes = await run('sap.processes')
  server.answers = {
    GetProcessList: dispatcher,
    GetSystemInstanceList: {
      list: 'instance',
      items: (await suse('start_service.TestInstancesMetric', 'GetSystemInstanceList')).map(lower),
    },
  }
  const instances = await run('sap.instances')
  expect([
    new Map(lines(processes, 'state', 'sap_start_service_processes', 'process')),
    instances.metrics['state'],
  ]).toEqual([
    await exposed('start_service.TestProcessesMetric'),
    // The exporter shows the instance it runs on alone.
    [
      {
        labels: { instance: 'sapha1as_00' },
        value: [...(await exposed('start_service.TestInstancesMetric')).values()][0],
      },
      { labels: { instance: 'sapha1er_10' }, value: 2 },
    ],
  ])
})
