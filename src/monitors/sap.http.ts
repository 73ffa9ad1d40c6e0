import { defineMonitor, TargetError, type Item, type SapPage, type SapPageSeen } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'

const dayMs = 86_400_000

/** Elements of `/sap/public/info`, and what they are called here. */
const about = {
  system: 'RFCSYSID',
  host: 'RFCHOST',
  server: 'RFCDEST',
  release: 'RFCSAPRL',
  kernel: 'RFCKERNRL',
  database: 'RFCDBSYS',
  operatingSystem: 'RFCOPSYS',
} as const

/** Whether an SAP system answers over HTTP, page by page. What a system does not offer is not measured. */
export default defineMonitor({
  id: 'sap.http',
  title: 'SAP over HTTP',
  summary:
    'Whether the public pages of an SAP system answer, how fast, whether the user may sign in, and what the system says of itself.',
  connector: 'sap-http',
  settings: {
    info: {
      kind: 'flag',
      label: 'Ask what it is',
      help: '/sap/public/info names system, release and kernel. Many systems do not offer it.',
      default: true,
    },
    icman: {
      kind: 'flag',
      label: 'Ask the ICM itself',
      help: '/sap/public/icman/ping is answered by the ICM without a work process.',
      default: false,
    },
    logon: {
      kind: 'flag',
      label: 'Sign in',
      help: '/sap/bc/ping, where the connector has a user: shows that users can sign in.',
      default: true,
    },
  },
  metrics: {
    up: { title: 'The page answers (1) or not (0)', unit: '', items: ['page'] },
    offered: { title: 'The system offers the page (1) or not (0)', unit: '', items: ['page'] },
    duration: { title: 'Time until the page was there', unit: 'ms', items: ['page'] },
    signed_in: { title: 'The user could sign in (1) or not (0)', unit: '' },
    certificate_days_left: { title: 'Days until the certificate ends', unit: 'd' },
  },
  period: '1m',
  timeout: '20s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'page down', metric: 'up', thresholds: { CRITICAL: '< 1' } },
    { name: 'slow page', metric: 'duration', thresholds: { WARNING: '> 5s' } },
    { name: 'user refused', metric: 'signed_in', thresholds: { MAJOR: '< 1' } },
    { name: 'certificate ends', metric: 'certificate_days_left', thresholds: { WARNING: '< 30d', CRITICAL: '< 7d' } },
  ],
  needs:
    'The services /sap/public/ping and, for what it is, /sap/public/info active in SICF; without them there is little to measure. For signing in a user of type System without any authorisation.',
  grant:
    '# SICF: activate /sap/public/ping, /sap/public/info and, for signing in, /sap/bc/ping\n# SU01: a user FARWATCH of type System; no roles are needed for /sap/bc/ping',
  thresholdsFrom: 'Our own judgement, after check_sap_health (connection time 1 and 5 s).',
  tryIt: '`farwatch check sap.http --set host=sapapp1.example --set instance=0`',
  async collect({ info, icman, logon }, { client, signal, now }) {
    const pages: SapPage[] = ['ping']
    if (info) pages.push('info')
    if (icman) pages.push('icman')
    if (logon && client.signsIn) pages.push('logon')
    if (client.hasMessageServer) pages.push('messageServer')
    const seen = new Map<SapPage, SapPageSeen | TargetError>()
    for (const page of pages) {
      try {
        seen.set(page, await client.page(page, signal))
      } catch (thrown) {
        // Where the first page cannot be asked for, none can.
        if (!(thrown instanceof TargetError) || page === 'ping' || signal.aborted) throw thrown
        seen.set(page, thrown)
      }
    }
    const up: Item[] = []
    const offered: Item[] = []
    const duration: Item[] = []
    const words: string[] = []
    for (const [page, answer] of seen) {
      const labels = { page }
      if (answer instanceof TargetError) {
        words.push(`${page}: ${answer.message}`)
        // A user that is refused was refused by a page that answers.
        if (answer.reason !== 'credentials') up.push({ labels, value: 0 })
        continue
      }
      const isOffered = answer.status !== 403 && answer.status !== 404
      offered.push({ labels, value: isOffered ? 1 : 0 })
      if (!isOffered) continue
      up.push({ labels, value: answer.status === 200 ? 1 : 0 })
      duration.push({ labels, value: answer.phases.total })
      if (answer.status !== 200) words.push(`${page} answered HTTP ${answer.status}`)
    }
    const signIn = seen.get('logon')
    const ping = seen.get('ping')
    const certificate = ping instanceof TargetError ? undefined : ping?.certificate
    const infoPage = seen.get('info')
    const facts =
      infoPage === undefined || infoPage instanceof TargetError || infoPage.status !== 200 ? {} : factsOf(infoPage.text)
    return {
      metrics: measured({
        up,
        offered,
        duration,
        signed_in: signedIn(signIn),
        certificate_days_left: certificate === undefined ? undefined : (certificate.validTo - now()) / dayMs,
      }),
      facts,
      message: words.join('; ').slice(0, 900) || (up.length === 0 ? 'the system offers none of the pages' : 'answers'),
    }
  },
})

function signedIn(seen: SapPageSeen | TargetError | undefined): number | undefined {
  if (seen instanceof TargetError) return seen.reason === 'credentials' ? 0 : undefined
  return seen?.status === 200 ? 1 : undefined
}

function factsOf(text: string): Record<string, string> {
  const facts: Record<string, string> = {}
  for (const [name, element] of Object.entries(about)) {
    const value = new RegExp(`<(?:[\\w-]+:)?${element}>([^<]{1,200})<`).exec(text)?.[1]?.trim()
    if (value !== undefined && value !== '') facts[name] = value
  }
  return facts
}
