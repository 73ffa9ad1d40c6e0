import { at, compileJsonPath, compileRegex, defineMonitor, type Item, type Problem, type Sample } from '../sdk/index.ts'

const metrics = {
  duration: { title: 'Total time, redirects and body included', unit: 'ms' },
  dns: { title: 'Finding the address', unit: 'ms' },
  connect: { title: 'TCP handshake', unit: 'ms' },
  tls: { title: 'TLS handshake', unit: 'ms' },
  first_byte: { title: 'Waiting for the first byte of the answer', unit: 'ms' },
  status: { title: 'HTTP status', unit: '' },
  size: { title: 'Body, unpacked', unit: 'B' },
  redirects: { title: 'Redirects followed', unit: '' },
  certificate_days: { title: 'Days until the certificate ends', unit: 'd' },
} as const

const dayMs = 86_400_000
const maxExtracted = 100

/**
 * One request, as a visitor makes it, with the time of each part.
 *
 * Default thresholds: a second or two is what people wait before they leave, so 2 s and 5 s; 30 and 7 days for the certificate are
 * what the tools of certificate authorities warn at.
 */
export default defineMonitor({
  id: 'http.response',
  title: 'HTTP response',
  summary:
    'Asks for a page or an interface and measures status, time of each part, size, content and the certificate’s days.',
  connector: 'http',
  settings: {
    path: {
      kind: 'text',
      label: 'Path',
      help: 'Added to the connector’s URL; begins with / or ?. Empty: the URL itself.',
      pattern: '[/?].*|',
      default: '',
    },
    method: {
      kind: 'choice',
      label: 'Method',
      of: ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'DELETE', 'PATCH'],
      default: 'GET',
    },
    headers: {
      kind: 'map',
      label: 'Headers',
      help: 'Sent with the request. Secrets belong into a credential, not here.',
      keyPattern: "[A-Za-z0-9!#$%&'*+.^_`|~\\-]+",
      maxItems: 50,
      default: {},
    },
    body: {
      kind: 'text',
      label: 'Body',
      help: 'Sent with the request, as UTF-8.',
      multiline: true,
      maxLength: 64_000,
      optional: true,
    },
    expectStatus: {
      kind: 'text',
      label: 'Expected status',
      help: 'Codes and ranges; any other status is a failed run. Empty: every status is an answer, and rules judge it.',
      pattern: '\\d{3}(-\\d{3})?(\\s*,\\s*\\d{3}(-\\d{3})?)*',
      optional: true,
      example: '200-299, 404',
    },
    bodyContains: {
      kind: 'text',
      label: 'Body contains',
      help: 'The run fails where this text is missing.',
      optional: true,
    },
    bodyLacks: { kind: 'text', label: 'Body lacks', help: 'The run fails where this text occurs.', optional: true },
    bodyMatches: {
      kind: 'text',
      label: 'Body matches',
      help: 'Regular expression (RE2) that must be found.',
      optional: true,
    },
    bodyMatchesNot: {
      kind: 'text',
      label: 'Body does not match',
      help: 'Regular expression (RE2) that must not be found.',
      optional: true,
    },
    extract: {
      kind: 'map',
      label: 'Numbers out of a JSON body',
      help: 'Name of the metric: JSONPath. Numbers, texts that are numbers, and true (1) and false (0) count; a path that can name several values gives one item each, told apart by the label `index`.',
      keyPattern: '[A-Za-z_][A-Za-z0-9_.:\\-]*',
      maxItems: 50,
      default: {},
    },
    maxRedirects: {
      kind: 'number',
      label: 'Redirects followed',
      help: 'At most so many; 0 reports the redirect itself.',
      integer: true,
      min: 0,
      max: 20,
      default: 5,
    },
    maxBody: {
      kind: 'size',
      label: 'Largest body',
      help: 'A larger one, unpacked, is a failed run.',
      default: '1MiB',
      min: '1B',
      max: '64MiB',
    },
    reuseConnection: {
      kind: 'flag',
      label: 'Keep the connection',
      help: 'On: later runs use the connection of earlier ones, which costs less and hides what a new visitor would meet.',
      default: false,
    },
  },
  metrics,
  openMetrics: 'One for each name in `extract`.',
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  needs: 'Nothing on the server but what a visitor may do; a credential where the page asks for one.',
  thresholdsFrom:
    'Our own judgement: users leave a page after 2 to 5 seconds; a status from 500 on is the server’s own trouble. Certificates 30 and 7 days, as authorities remind.',
  tryIt:
    '`farwatch check http.response --set url=https://shop.example.net/`; with a path that does not exist it shows “error status”.',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'error status', metric: 'status', thresholds: { WARNING: '>= 400', CRITICAL: '>= 500' } },
    { name: 'slow', metric: 'duration', thresholds: { WARNING: '> 2s', CRITICAL: '> 5s' }, for: '1m' },
    { name: 'certificate ends', metric: 'certificate_days', thresholds: { WARNING: '< 30d', CRITICAL: '< 7d' } },
  ],
  check(settings, path) {
    const problems: Problem[] = []
    for (const [name, jsonPath] of Object.entries(settings.extract)) {
      const place = at(`${path}.extract`, name)
      if (name in metrics || name === 'failed')
        problems.push({
          path: place,
          message: `the name ${name} is one of this monitor’s own metrics`,
          hint: 'Choose another name.',
        })
      const compiled = compileJsonPath(jsonPath, place)
      if ('message' in compiled) problems.push(compiled)
    }
    for (const key of ['bodyMatches', 'bodyMatchesNot'] as const) {
      const pattern = settings[key]
      const compiled = pattern === undefined ? undefined : compileRegex(pattern, `${path}.${key}`)
      if (compiled !== undefined && 'message' in compiled) problems.push(compiled)
    }
    return problems
  },
  async collect(settings, { client, signal, now }) {
    const answer = await client.request(
      {
        path: settings.path,
        method: settings.method,
        headers: settings.headers,
        ...(settings.body === undefined ? {} : { body: settings.body }),
        maxBodyBytes: settings.maxBody,
        maxRedirects: settings.maxRedirects,
        reuseConnection: settings.reuseConnection,
      },
      signal,
    )
    const { phases, certificate } = answer
    const failures: string[] = []
    if (settings.expectStatus !== undefined && !statusIn(settings.expectStatus, answer.status))
      failures.push(`the status is ${answer.status}, not ${settings.expectStatus}`)
    failures.push(...bodyFailures(settings, () => answer.text()))
    const more: Sample[] = []
    // An error page has none of the numbers; the status says that already.
    if (answer.status < 400 && Object.keys(settings.extract).length > 0)
      failures.push(...extractNumbers(settings.extract, answer.text(), more))
    return {
      metrics: {
        duration: phases.total,
        ...(phases.dns === undefined ? {} : { dns: phases.dns }),
        ...(phases.connect === undefined ? {} : { connect: phases.connect }),
        ...(phases.tls === undefined ? {} : { tls: phases.tls }),
        first_byte: phases.firstByte,
        status: answer.status,
        size: answer.body.length,
        redirects: answer.redirects,
        ...(certificate === undefined ? {} : { certificate_days: (certificate.validTo - now()) / dayMs }),
      },
      more,
      facts: {
        url: answer.finalUrl,
        ...(answer.headers['server'] === undefined ? {} : { server: answer.headers['server'].slice(0, 200) }),
        ...(certificate === undefined ? {} : { certificate: certificate.subject, issuer: certificate.issuer }),
        ...(certificate?.untrusted === undefined ? {} : { untrusted: certificate.untrusted }),
      },
      message: `${answer.status} in ${Math.round(phases.total)} ms`,
      ...(failures.length === 0
        ? {}
        : { failure: { reason: 'assertion' as const, message: `${client.url}: ${failures.join('; ')}` } }),
    }
  },
})

function statusIn(ranges: string, status: number): boolean {
  return ranges.split(',').some((range) => {
    const [from, to] = range.trim().split('-').map(Number)
    return from !== undefined && status >= from && status <= (to ?? from)
  })
}

interface BodyDemands {
  readonly bodyContains: string | undefined
  readonly bodyLacks: string | undefined
  readonly bodyMatches: string | undefined
  readonly bodyMatchesNot: string | undefined
}

function* bodyFailures(demands: BodyDemands, text: () => string): Generator<string> {
  const { bodyContains, bodyLacks, bodyMatches, bodyMatchesNot } = demands
  if (bodyContains !== undefined && !text().includes(bodyContains)) yield `the body lacks ${shortened(bodyContains)}`
  if (bodyLacks !== undefined && text().includes(bodyLacks)) yield `the body contains ${shortened(bodyLacks)}`
  if (bodyMatches !== undefined && !found(bodyMatches, text()))
    yield `the body does not match ${shortened(bodyMatches)}`
  if (bodyMatchesNot !== undefined && found(bodyMatchesNot, text()))
    yield `the body matches ${shortened(bodyMatchesNot)}`
}

function found(pattern: string, text: string): boolean {
  const regex = compileRegex(pattern)
  return 'foundIn' in regex && regex.foundIn(text)
}

function shortened(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text)
}

/** Adds what it finds to `more`; returns what it did not find. */
function extractNumbers(extract: Readonly<Record<string, string>>, text: string, more: Sample[]): string[] {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return ['the body is not JSON']
  }
  const missing: string[] = []
  for (const [name, jsonPath] of Object.entries(extract)) {
    const compiled = compileJsonPath(jsonPath)
    if (!('find' in compiled)) continue
    const items: Item[] = []
    for (const [index, value] of compiled.find(document).slice(0, maxExtracted).entries()) {
      const number = numberOf(value)
      if (number !== undefined) items.push({ labels: compiled.single ? {} : { index: String(index) }, value: number })
    }
    if (items.length === 0) missing.push(`there is no number at ${jsonPath} for ${name}`)
    else more.push(...items.map((item) => ({ name, ...item })))
  }
  return missing
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'string' || !/^\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*$/.test(value)) return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}
