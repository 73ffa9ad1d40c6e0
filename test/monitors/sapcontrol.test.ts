import { createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { connectors } from '../../src/connectors/index.ts'
import { envelope } from '../../src/connectors/sapcontrol.ts'
import {
  checkDeclared,
  sapControlReads,
  TargetError,
  type OpenCredential,
  type SapControlClient,
  type SapControlRead,
} from '../../src/sdk/index.ts'
import { makeAuthority, type Authority } from '../servers/certificates.ts'
import {
  envelopeOf,
  startInstance,
  sapUser,
  startSapControl,
  type Answers,
  type Item,
  type SapControlServer,
} from '../servers/sapcontrol.ts'
import { theOne } from './library.ts'

// The connector against a start service of the tests' own: real HTTP and SOAP.

const user: OpenCredential = { type: 'basic', fields: sapUser }
const stranger: OpenCredential = { type: 'basic', fields: { username: 'stranger', secret: 'falsch' } }

function process(name: string, colour = 'GREEN', text = 'Running'): Item {
  return { name, description: name, dispstatus: `SAPControl-${colour}`, textstatus: text, pid: 1 }
}

const queues = { list: 'queue', items: [{ Typ: 'ABAP/DIA', Now: 1, High: 5, Max: 14000 }] } as const
const dialog: Answers = {
  GetProcessList: { list: 'process', items: [process('disp+work'), process('gwrd'), process('icman')] },
  GetInstanceProperties: {
    list: 'properties',
    items: [
      { property: 'SAPSYSTEMNAME', propertytype: 'Attribute', value: 'FW1' },
      {
        property: 'Webmethods',
        propertytype: 'Attribute',
        value:
          'Start,Stop,GetProcessList,GetInstanceProperties,GetQueueStatistic,ABAPGetWPTable,GetAlertTree,GetAccessPointList',
      },
      {
        property: 'Protected Webmethods',
        propertytype: 'Attribute',
        value: 'Start,Stop,GetQueueStatistic,ABAPGetWPTable,GetAlertTree',
      },
    ],
  },
  GetQueueStatistic: queues,
  GetAccessPointList: { list: 'accesspoint', items: [] },
}

let server: SapControlServer
let authority: Authority
beforeAll(async () => {
  authority = await makeAuthority()
})
afterAll(() => authority.remove())
beforeEach(async () => {
  server = await startSapControl({ answers: dialog })
  server.locked = ['GetQueueStatistic', 'ABAPGetWPTable', 'GetAlertTree']
  return () => server.stop()
})

async function withClient<T>(
  use: (client: SapControlClient) => Promise<T>,
  about: { credential?: OpenCredential; settings?: object } = {},
): Promise<T> {
  const connector = theOne(connectors, 'sapcontrol')
  const settings = checkDeclared(
    connector,
    { host: '127.0.0.1', port: server.port, tls: 'off', ...about.settings },
    'c',
  )
  if (!settings.ok) throw new Error(settings.problems[0]?.message)
  const client = connector.open(settings.value, about.credential)
  try {
    // The connector named above makes this client.
    return await use(client as SapControlClient)
  } finally {
    await client.close?.()
  }
}

function said(read: Promise<unknown>): Promise<unknown> {
  return read.then(
    (answer) => answer,
    (thrown: unknown) =>
      thrown instanceof TargetError
        ? `${thrown.reason}: ${thrown.message.replaceAll(String(server.port), 'PORT')}`
        : thrown,
  )
}

const soon = () => AbortSignal.timeout(60_000)
const asked = () =>
  server.asked.map(({ operation, user: by }) => (by === undefined ? operation : `${operation} by ${by}`))

test('what needs no user is asked without one, even where one is at hand', async () => {
  const seen = await withClient((client) => client.read('GetProcessList', soon()), { credential: stranger })
  expect([seen.is === 'answered' && seen.rows[0], asked()]).toEqual([
    {
      name: 'disp+work',
      description: 'disp+work',
      dispstatus: 'SAPControl-GREEN',
      textstatus: 'Running',
      starttime: null,
      elapsedtime: null,
      pid: '1',
    },
    ['GetProcessList'],
  ])
})

test('it is learned what the service offers and protects, once, and the user goes along where it must', async () => {
  const rows = await withClient(
    async (client) => {
      await client.read('GetQueueStatistic', soon())
      return client.read('GetQueueStatistic', soon())
    },
    { credential: user },
  )
  expect([rows.is === 'answered' && rows.rows, asked()]).toEqual([
    [{ Typ: 'ABAP/DIA', Now: '1', High: '5', Max: '14000', Writes: null, Reads: null }],
    ['GetProcessList', 'GetInstanceProperties', 'GetQueueStatistic by ha1adm', 'GetQueueStatistic by ha1adm'],
  ])
})

test('without a user what is protected is not even tried, and it is said what to do', async () => {
  const answer = await withClient((client) => client.read('GetQueueStatistic', soon()))
  expect([answer, asked()]).toEqual([
    {
      is: 'not asked',
      why: 'locked',
      message:
        'this start service protects GetQueueStatistic: give the connector an operating-system user of the SAP host, or take the method out of service/protectedwebmethods',
    },
    ['GetProcessList', 'GetInstanceProperties'],
  ])
})

test('a wrong password is a matter of configuration, and is not tried again soon', async () => {
  const words = await withClient(
    (client) => Promise.all([1, 2, 3].map(() => said(client.read('GetQueueStatistic', soon())))),
    { credential: stranger },
  )
  const once = 'credentials: 127.0.0.1:PORT refused the user stranger for GetQueueStatistic (HTTP 401): it must be'
  expect([
    words.map((one) => String(one).startsWith(once)),
    asked().filter((one) => one.endsWith('by stranger')).length,
  ]).toEqual([[true, true, true], 1])
})

test('a service that locks everything is asked with the user from then on', async () => {
  server.locked = Object.keys(sapControlReads)
  const seen = await withClient(
    async (client) => {
      await client.read('GetProcessList', soon())
      return client.read('GetProcessList', soon())
    },
    { credential: user },
  )
  expect([seen.is, asked()]).toEqual([
    'answered',
    ['GetProcessList', 'GetProcessList by ha1adm', 'GetProcessList by ha1adm'],
  ])
})

test('a service that locks everything, and no user, is a matter of configuration', async () => {
  server.locked = Object.keys(sapControlReads)
  expect(await withClient((client) => said(client.read('GetProcessList', soon())))).toMatch(
    /^credentials: 127.0.0.1:PORT: this start service protects GetProcessList/,
  )
})

test('a user who may not is told apart from one who is not known', async () => {
  server.answers = { ...dialog, GetQueueStatistic: { fault: 'Permission denied' } }
  const words = await withClient((client) => said(client.read('GetQueueStatistic', soon())), { credential: user })
  expect(words).toMatch(/^credentials: 127.0.0.1:PORT knows and refused the user ha1adm/)
})

test('one question is under way at a time, whoever asks', async () => {
  await Promise.all(
    [1, 2, 3].map(() =>
      withClient(
        (client) =>
          Promise.all(
            (['GetProcessList', 'GetQueueStatistic', 'GetAccessPointList'] as const).map((one) =>
              client.read(one, soon()),
            ),
          ),
        { credential: user },
      ),
    ),
  )
  expect([server.mostAtOnce, server.asked.length]).toEqual([1, 3 * 3 + 1])
})

test('while a process is not GREEN nothing but the process list is asked for', async () => {
  server.answers = {
    ...dialog,
    GetProcessList: { list: 'process', items: [process('disp+work'), process('igswd_mt', 'YELLOW', 'Starting')] },
  }
  const strict = await withClient((client) => client.read('GetQueueStatistic', soon()), { credential: user })
  const before = asked()
  const ignoring = await withClient((client) => client.read('GetQueueStatistic', soon()), {
    credential: user,
    settings: { ignoredProcesses: ['igswd_mt'] },
  })
  expect([strict, before, ignoring.is]).toEqual([
    {
      is: 'not asked',
      why: 'paused',
      message: 'GetQueueStatistic is not asked for while igswd_mt is not GREEN (YELLOW, Starting)',
    },
    ['GetProcessList'],
    'answered',
  ])
})

test('a component that is not there, and an operation that is not offered, are not asked for', async () => {
  const seen = await withClient(
    async (client) => [
      await client.read('EnqGetStatistic', soon()),
      await client.read('J2EEGetProcessList2', soon()),
      await client.read('ICMGetThreadList', soon()),
    ],
    { credential: user },
  )
  expect([seen.map((one) => one.is === 'not asked' && one.message), asked()]).toEqual([
    [
      'this instance has no enqueue server',
      'this instance has no Java server',
      'this start service does not offer ICMGetThreadList',
    ],
    ['GetProcessList', 'GetInstanceProperties'],
  ])
})

test('a fault is the component’s, and the operation is left alone afterwards, until the instance was started again', async () => {
  const colour = (name: string) => ({ list: 'process', items: [process('disp+work', name)] }) as const
  server.answers = { ...dialog, GetQueueStatistic: { fault: 'DpAttachStartService failed' } }
  await withClient(
    async (client) => {
      const ask = () => said(client.read('GetQueueStatistic', soon()))
      const words =
        'assertion: the start service 127.0.0.1:PORT answers, but what is behind GetQueueStatistic does not: DpAttachStartService failed'
      expect([await ask(), await ask()]).toEqual([words, words])
      expect(asked().filter((one) => one.startsWith('GetQueue')).length).toBe(1)
      for (const state of ['YELLOW', 'GREEN']) {
        server.answers = { ...dialog, GetProcessList: colour(state) }
        await client.read('GetProcessList', soon())
      }
      expect(await ask()).toMatchObject({ is: 'answered' })
    },
    { credential: user },
  )
})

test('the checks of the cluster are asked for once, however often somebody wants them', async () => {
  server.answers = {
    GetProcessList: dialog['GetProcessList']!,
    HACheckConfig: { list: 'check', items: [{ state: 'SAPControl-HA-SUCCESS' }] },
  }
  const seen = await withClient((client) => Promise.all([1, 2, 3].map(() => client.read('HACheckConfig', soon()))), {
    credential: user,
  })
  expect([seen.map(({ is }) => is), asked().filter((one) => one.startsWith('HA')).length]).toEqual([
    ['answered', 'answered', 'answered'],
    1,
  ])
})

test('a silent service is given up in time, and those who wait behind it as well', async () => {
  server.answers = { GetProcessList: { silent: true } }
  const words = await withClient((client) => {
    const signal = AbortSignal.timeout(150)
    return Promise.all([1, 2].map(() => said(client.read('GetProcessList', signal))))
  })
  expect(words).toEqual([
    'timed out: 127.0.0.1:PORT sent no answer in time',
    'timed out: 127.0.0.1:PORT is asked one thing after another, and this one had no turn in time',
  ])
})

test('refused, mute and foreign ports are told apart', async () => {
  const sockets = new Set<Socket>()
  const mute = createServer((socket) => void sockets.add(socket.on('error', () => undefined))).listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const port = (mute.address() as AddressInfo).port
  const ask = (at: number, signal = soon()) =>
    withClient((client) => said(client.read('GetProcessList', signal)), { settings: { port: at } })
  server.answers = { GetProcessList: { status: 200, body: '<html>It works!</html>' } }
  const words = [await ask(1), await ask(port, AbortSignal.timeout(150)), await ask(server.port)]
  for (const socket of sockets) socket.destroy()
  mute.close()
  await once(mute, 'close')
  expect(words.map((one) => String(one).replace(String(port), 'MUTE'))).toEqual([
    'refused: connection refused by 127.0.0.1:1',
    'timed out: 127.0.0.1:MUTE sent no answer in time',
    'protocol: 127.0.0.1:PORT sent XML that is not SOAP',
  ])
})

test('by TLS the certificate is verified, and shown with the answer', async () => {
  const made = await authority.issue(['IP:127.0.0.1'], 30)
  const secure = await startSapControl({ answers: dialog, tls: { key: made.key, cert: made.certificate } })
  const ask = (settings: object) =>
    withClient((client) => said(client.read('GetProcessList', soon())), {
      settings: { port: secure.port, tls: 'verify', ...settings },
    })
  const words = [
    await ask({}),
    await ask({ trustedCertificates: authority.certificate }),
    await ask({ tls: 'require' }),
  ]
  await secure.stop()
  expect(words).toEqual([
    expect.stringMatching(/^tls: the certificate of .* is not trusted/),
    expect.objectContaining({ is: 'answered', certificate: expect.objectContaining({ subject: 'CN=leaf' }) }),
    expect.objectContaining({ is: 'answered' }),
  ])
})

const properties = (instance: string): Answers[string] => ({
  list: 'properties',
  items: [
    { property: 'SAPSYSTEMNAME', value: 'FW1' },
    { property: 'INSTANCE_NAME', value: instance },
    { property: 'SAPLOCALHOST', value: 'fwapp1' },
  ],
})

async function found(secure: { key: string; cert: string } | undefined, answers: Answers): Promise<unknown> {
  const { server: there, instance } = await startInstance(secure, answers)
  const proposals = await theOne(connectors, 'sapcontrol').discovery!.identify(
    { host: '127.0.0.1', port: there.port },
    soon(),
  )
  await there.stop()
  return JSON.parse(
    JSON.stringify(proposals).replaceAll(String(instance), 'NN').replaceAll('"instance":NN', '"instance":0'),
  )
}

test('pointed at a host, the instance is proposed, and with it the others of its system', async () => {
  const proposals = await found(undefined, {
    ...dialog,
    GetInstanceProperties: properties('D01'),
    GetSystemInstanceList: {
      list: 'instance',
      items: [
        { hostname: 'fwcs', instanceNr: 3, features: 'MESSAGESERVER|ENQUE' },
        { hostname: 'a bad host', instanceNr: 2, features: 'ABAP' },
        { hostname: 'fwapp2', instanceNr: 'x', features: 'ABAP' },
      ],
    },
  })
  const common = { certainty: 'identified', credential: 'basic', system: 'FW1' }
  expect(proposals).toEqual([
    {
      ...common,
      name: 'sap-NN',
      title: 'SAP instance D01 of FW1 on fwapp1',
      settings: { host: '127.0.0.1', instance: 0, tls: 'off' },
      seen: 'the start service of instance NN answered',
    },
    {
      ...common,
      name: 'sap-fwcs-03',
      title: 'SAP instance 03 of FW1 on fwcs (MESSAGESERVER, ENQUE)',
      settings: { host: 'fwcs', instance: 3, tls: 'off' },
      seen: 'named by the start service of instance NN on fwapp1',
    },
  ])
})

test('behind a certificate that nobody trusts it is found, and that is said', async () => {
  const { key, certificate } = await authority.issue(['IP:127.0.0.1'], 30)
  const proposals = await found({ key, cert: certificate }, { ...dialog, GetInstanceProperties: properties('D01') })
  expect(proposals).toMatchObject([
    { title: 'SAP instance D01 of FW1 on fwapp1, its certificate is not trusted', settings: { tls: 'require' } },
  ])
})

test('what is no start service is not proposed, and one that wants a user for everything is', async () => {
  const locked = { GetProcessList: { status: 401, body: '' } }
  expect([
    await found(undefined, { GetProcessList: { status: 404, body: 'no' } }),
    await found(undefined, locked),
  ]).toEqual([[], [expect.objectContaining({ name: 'sap-NN', title: 'SAP instance NN on 127.0.0.1' })]])
})

// What changes something, or is not known to change nothing (kernel 7.53, and later ones).
const denied =
  `ABAPAcknowledgeAlerts AnalyseLogFiles Bootstrap CheckPSE CheckUpdateSystem ConfigureLogFileList CreatePSECredential
  CreateSnapshot DeletePSE DeleteSnapshots EnqRemoveLocks EnqRemoveUserLocks GetCallstack GetProcessParameter GWCancelConnections
  GWDeleteClients GWDeleteConnections HAFailoverToNode HASetMaintenanceMode InstanceStart InstanceStop J2EEControlCluster
  J2EEControlComponents J2EEControlProcess J2EEDisableDbgSession J2EEEnableDbgSession OSExecute RequestLogonFile RestartInstance
  RestartService RestartSystem SendSignal SetProcessParameter SetProcessParameter2 ShmDetach Shutdown Start StartBypassHA StartSystem
  StartWait Stop StopBypassHA StopService StopSystem StopWait StorePSE UpdateInstancePSE UpdateSCSInstance UpdateSystem UpdateSystemPKI
  MtReset MtChangeStatus PerfCustomizeWrite ToolSet TriggerDataCollection Register Unregister ReadFile ReadDirectory
  getprocesslist GetProcessList><Stop GetProcessListResponse __proto__ constructor toString`.split(/\s+/)

test.each(denied)('%s is never sent', async (operation) => {
  // Past the types, as a mistake or an attack would come.
  const forged = operation as SapControlRead
  expect(() => envelope(forged)).toThrow('is not an operation that reads')
  const words = await withClient((client) => said(client.read(forged, soon())), { credential: user })
  expect([String(words), server.asked]).toEqual([expect.stringMatching(/is not an operation that reads/), []])
})

test('no operation that can be sent bears a name of those that change something', () => {
  const changing =
    /^(Start|Stop|Restart|Instance|Shutdown|Set|Send|OS|Create|Delete|Store|Update|Configure|Remove|Control|Cancel|Bootstrap)|Remove|Delete|Cancel|Control|Failover(To|ed)|SetMaint|Acknowledge/
  expect(Object.keys(sapControlReads).filter((name) => changing.test(name) || denied.includes(name))).toEqual([])
  // @ts-expect-error what is not in the list is refused by the compiler already
  expect(() => envelope('StopSystem')).toThrow()
})

// a document that is not what it should be → what is said of it
const wrongs: [string, string, RegExp][] = [
  ['nothing', '', /^protocol/],
  ['half of one', envelopeOf('GetProcessList', dialog['GetProcessList']!).slice(0, 500), /^protocol/],
  ['another operation', envelopeOf('GetAlertTree', { list: 'tree', items: [] }), /^protocol: .*something else/],
  ['declarations', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', /^protocol: .*declarations/],
  ['a million laughs', `<!DOCTYPE a [<!ENTITY b "${'&c;'.repeat(1000)}">]><a>&b;</a>`, /^protocol/],
  ['deep nesting', '<a>'.repeat(5_000) + '</a>'.repeat(5_000), /^protocol/],
  ['more elements than can be held', '<a/>'.repeat(700_000), /^too large/],
  ['more bytes than can be held', 'x'.repeat(9 * 1024 * 1024), /^too large/],
  ['binary', '\u0000\u0001\ufffd<<>>', /^protocol/],
]
test.each(wrongs)('%s', async (_, body, wanted) => {
  server.answers = { GetProcessList: { status: 200, body } }
  expect(await withClient((client) => said(client.read('GetProcessList', soon())))).toMatch(wanted)
})

test('texts are taken as they are: entities of XML are undone, others stand for nothing', async () => {
  const body = envelopeOf('GetProcessList', { list: 'process', items: [{ name: 'NAME', pid: 'PID' }] })
  server.answers = {
    GetProcessList: {
      status: 200,
      body: body.replace('NAME', 'a &lt;b&gt; &amp;amp; &#233;&#x20AC; &boom;').replace('PID', '007e3'),
    },
  }
  const seen = await withClient((client) => client.read('GetProcessList', soon()))
  expect(seen.is === 'answered' && [seen.rows[0]?.name, seen.rows[0]?.pid]).toEqual(['a <b> &amp; é€ &boom;', '007e3'])
})

test('whatever a document is mutated into, the outcome is clear', async () => {
  const whole = envelopeOf('GetProcessList', dialog['GetProcessList']!)
  const mutated = fc
    .array(
      fc.record({
        at: fc.nat(whole.length),
        cut: fc.nat(40),
        put: fc.constantFrom(
          '',
          '<',
          '>',
          '</item>',
          '<item>',
          '&',
          '\u0000',
          '<process/>',
          '<![CDATA[',
          '<!--',
          ']]>',
        ),
      }),
      { minLength: 1, maxLength: 4 },
    )
    .map((edits) => edits.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), whole))
  await fc.assert(
    fc.asyncProperty(mutated, async (body) => {
      server.answers = { GetProcessList: { status: 200, body } }
      const seen = await withClient((client) => said(client.read('GetProcessList', soon())))
      expect(typeof seen === 'string' ? /^(protocol|assertion|too large|credentials): /.test(seen) : seen).toEqual(
        typeof seen === 'string' ? true : expect.objectContaining({ is: 'answered' }),
      )
    }),
    { numRuns: 150 },
  )
})
