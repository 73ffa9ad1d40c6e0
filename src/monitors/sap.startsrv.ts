import { defineMonitor, TargetError } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { unprotected, userNeeded } from './formats/sap.ts'

const dayMs = 86_400_000

/** What all monitors of start services read together, but for the checks of a cluster. */
const everyMonitor = [
  'GetAccessPointList',
  'GetVersionInfo',
  'GetQueueStatistic',
  'ABAPGetWPTable',
  'ABAPReadSyslog',
  'GetAlertTree',
  'EnqGetStatistic',
  'EnqGetLockTable',
  'ICMGetThreadList',
  'ICMGetConnectionList',
  'WebDispGetServerList',
  'J2EEGetProcessList2',
  'J2EEGetVMHeapInfo',
  'J2EEGetVMGCHistory2',
  'J2EEGetSharedTableInfo',
] as const

/** The start service itself: whether it is there, how fast, what it offers, and whether the user may read. */
export default defineMonitor({
  id: 'sap.startsrv',
  title: 'SAP start service',
  summary:
    'Whether the start service of an instance answers, how fast, with which certificate, what it protects, and whether the user may read that.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    connect: { title: 'TCP handshake', unit: 'ms' },
    handshake: { title: 'TLS handshake', unit: 'ms' },
    answer: { title: 'Time from the question to the answer', unit: 'ms' },
    methods: { title: 'Methods offered', unit: '' },
    methods_protected: { title: 'Methods that need a user', unit: '' },
    access: { title: 'The user may read what is protected (1) or not (0); only where there is a user', unit: '' },
    certificate_days_left: { title: 'Days until the certificate ends', unit: 'd' },
    certificate_trusted: { title: 'The certificate is trusted (1) or not (0)', unit: '' },
  },
  period: '1m',
  timeout: '15s',
  tested: 'recorded data',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'slow answer', metric: 'answer', thresholds: { WARNING: '> 2s', MAJOR: '> 5s' }, of: '3 of 3' },
    { name: 'user refused', metric: 'access', thresholds: { MAJOR: '< 1' } },
    { name: 'certificate ends', metric: 'certificate_days_left', thresholds: { WARNING: '< 30d', CRITICAL: '< 7d' } },
  ],
  needs: userNeeded('Nothing for whether it answers. For `access`'),
  grant: unprotected(...everyMonitor),
  thresholdsFrom: 'Our own judgement; certificates as in the tools of certificate authorities.',
  tryIt:
    '`farwatch check sap.startsrv --set host=sapapp1.example --set instance=0`; with a wrong password `user refused` raises and `no answer` does not.',
  async collect(_, { client, signal, now }) {
    const list = await client.read('GetProcessList', signal)
    if (list.is === 'not asked') return { metrics: {}, message: list.message }
    const { phases, certificate } = list
    const properties = await client.read('GetInstanceProperties', signal)
    const listed = (name: string) => {
      const row =
        properties.is === 'answered' ? properties.rows.find(({ property }) => property === name)?.value : undefined
      return row === undefined || row === null ? undefined : row.split(',').length
    }
    const access = client.signsIn && properties.is === 'answered' ? await mayRead() : undefined
    const text = (name: string) =>
      properties.is === 'answered' ? (properties.rows.find(({ property }) => property === name)?.value ?? '') : ''
    return {
      metrics: measured({
        connect: phases.connect,
        handshake: phases.tls,
        answer: phases.firstByte,
        methods: listed('Webmethods'),
        methods_protected: listed('Protected Webmethods'),
        access: access === undefined ? undefined : access === '' ? 1 : 0,
        certificate_days_left: certificate === undefined ? undefined : (certificate.validTo - now()) / dayMs,
        certificate_trusted: certificate === undefined ? undefined : certificate.untrusted === undefined ? 1 : 0,
      }),
      facts: {
        system: text('SAPSYSTEMNAME').slice(0, 100),
        instance: text('INSTANCE_NAME').slice(0, 100),
        ...(certificate === undefined ? {} : { certificate: certificate.subject.slice(0, 500) }),
        ...(certificate?.untrusted === undefined ? {} : { untrusted: certificate.untrusted }),
        ...(properties.is === 'not asked' ? { notAsked: properties.why } : {}),
      },
      message: access || (properties.is === 'not asked' ? properties.message : 'answers'),
    }

    /** Empty where it may, else why not. */
    async function mayRead(): Promise<string | undefined> {
      try {
        return (await client.read('GetAccessPointList', signal)).is === 'answered' ? '' : undefined
      } catch (thrown) {
        if (!(thrown instanceof TargetError)) throw thrown
        // That a component does not answer says nothing about the user.
        return thrown.reason === 'credentials' ? thrown.message.slice(0, 900) : undefined
      }
    }
  },
})
