import {
  defineConnector,
  sapPages,
  StatementRefused,
  TargetError,
  type OpenCredential,
  type SapHttpClient,
  type SapPage,
  type SapPageSeen,
  type SapTableRequest,
} from '../sdk/index.ts'
import { exchange, readPlace, type HttpExchanged, type HttpPlace, type HttpWay } from './network/http-exchange.ts'
import { reachPort } from './network/reach.ts'
import { hostSetting, trustedSetting } from './network/settings.ts'
import { SignIn } from './network/sign-in.ts'
import { readSoap } from './network/soap.ts'
import { hostPort } from './network/target.ts'
import { secureContext, trustedProblems } from './network/trust.ts'
import { sapHttpDiscovery } from './sap-http/discovery.ts'
import { readTableEnvelope, tableRows } from './sap-http/read-table.ts'

const maxPageBytes = 64 * 1024
const maxTableBytes = 8 * 1024 * 1024

/** What an SAP system answers over HTTP: the public pages of its ICM, its message server, and, where it was switched on, tables by SOAP. */
export default defineConnector({
  id: 'sap-http',
  title: 'SAP over HTTP',
  summary: 'The ICM of an SAP instance or a Web Dispatcher: public pages, message server, tables by SOAP-RFC.',
  settings: {
    host: { ...hostSetting, example: 'sapapp1.example' },
    instance: {
      kind: 'number',
      label: 'Instance number',
      help: 'NN: the port follows from it, 443NN with TLS and 80NN without.',
      min: 0,
      max: 99,
      integer: true,
      default: 0,
    },
    port: {
      kind: 'number',
      label: 'Port',
      help: 'Where it is not the usual one (icm/server_port_N).',
      min: 1,
      max: 65535,
      integer: true,
      optional: true,
    },
    tls: {
      kind: 'choice',
      label: 'TLS',
      help: 'verify: always, with a trusted certificate for this host. require: always, whatever the certificate. off: never; a password then crosses the network readable.',
      of: ['verify', 'require', 'off'],
      default: 'verify',
    },
    trustedCertificates: trustedSetting,
    client: {
      kind: 'text',
      label: 'Client',
      help: 'The client of the SAP system that the user belongs to. Empty: the system’s own default.',
      pattern: '\\d{3}',
      maxLength: 3,
      optional: true,
      example: '100',
    },
    messageServerPort: {
      kind: 'number',
      label: 'HTTP port of the message server',
      help: '81NN of the central services, without TLS. Left out: the message server is not asked.',
      min: 1,
      max: 65535,
      integer: true,
      optional: true,
    },
    soapRfc: {
      kind: 'flag',
      label: 'SOAP-RFC',
      help: 'Lets monitors read tables by /sap/bc/soap/rfc. Only RFC_READ_TABLE is ever called. The service is off in most systems, and somebody has to decide to switch it on.',
      default: false,
    },
  },
  credentials: ['basic'],
  check: ({ trustedCertificates }, path) => trustedProblems(trustedCertificates, `${path}.trustedCertificates`),
  target: (settings) => hostPort(settings.host, portOf(settings)),
  reach: (settings, signal) => reachPort({ host: settings.host, port: portOf(settings) }, signal),
  open: (settings, credential) => new SapHttp(settings, credential),
  discovery: sapHttpDiscovery,
})

interface Place {
  readonly host: string
  readonly instance: number
  readonly port: number | undefined
  readonly tls: string
  readonly trustedCertificates: string | undefined
  readonly client: string | undefined
  readonly messageServerPort: number | undefined
  readonly soapRfc: boolean
}

function portOf({ instance, port, tls }: Pick<Place, 'instance' | 'port' | 'tls'>): number {
  return port ?? (tls === 'off' ? 8_000 : 44_300) + instance
}

class SapHttp implements SapHttpClient {
  readonly target: string
  readonly signsIn: boolean
  readonly hasMessageServer: boolean
  readonly #settings: Place
  readonly #way: HttpWay
  readonly #user: { readonly username: string; readonly secret: string } | undefined
  readonly #signIn = new SignIn()

  constructor(settings: Place, credential: OpenCredential | undefined) {
    this.#settings = settings
    this.target = hostPort(settings.host, portOf(settings))
    this.hasMessageServer = settings.messageServerPort !== undefined
    this.#user = credential?.type === 'basic' ? credential.fields : undefined
    this.signsIn = this.#user !== undefined
    this.#way = {
      verify: settings.tls === 'verify',
      context: () => secureContext(settings.trustedCertificates),
      connectTo: undefined,
      proxy: undefined,
    }
  }

  async page(page: SapPage, signal: AbortSignal): Promise<SapPageSeen> {
    const ask = (withUser: boolean) =>
      this.#send(this.#placeOf(page), { method: 'GET', body: undefined, maxBodyBytes: maxPageBytes }, withUser, signal)
    const seen =
      page === 'logon' ? await this.#signIn.try(() => ask(true).then((one) => this.#admitted(one))) : await ask(false)
    return {
      status: seen.status,
      text: seen.body.toString('utf8'),
      phases: seen.phases,
      ...(seen.certificate === undefined ? {} : { certificate: seen.certificate }),
    }
  }

  async readTable(request: SapTableRequest, signal: AbortSignal): Promise<readonly Readonly<Record<string, string>>[]> {
    if (!this.#settings.soapRfc)
      throw new TargetError('configuration', `SOAP-RFC is switched off for the connector to ${this.target}`)
    const body = readTableEnvelope(request)
    const place = this.#place('/sap/bc/soap/rfc', portOf(this.#settings), this.#settings.tls !== 'off')
    const sending = { method: 'POST', body, maxBodyBytes: maxTableBytes }
    const seen = await this.#signIn.try(() =>
      this.#send(place, sending, true, signal).then((one) => this.#admitted(one)),
    )
    if (seen.status === 403 || seen.status === 404)
      throw new TargetError(
        'configuration',
        `${this.target} does not offer SOAP-RFC (HTTP ${seen.status}): the service /sap/bc/soap/rfc is not active, or the user may not use it`,
      )
    if (seen.status !== 200 && seen.status !== 500)
      throw new TargetError('protocol', `${this.target} answered HTTP ${seen.status} to a call by SOAP-RFC`)
    const read = await readSoap(seen.body.toString('utf8'), this.target)
    if (read.is === 'fault') {
      const words = this.#masked(read.text)
      throw new StatementRefused(/[A-Z][A-Z0-9_]{3,}/.exec(words)?.[0] ?? 'FAULT', words)
    }
    const rows = read.name === 'RFC_READ_TABLE.Response' ? tableRows(read.content, request.fields) : undefined
    if (rows === undefined)
      throw new TargetError('protocol', `${this.target} answered something else than the fields that were asked for`)
    return rows
  }

  #placeOf(page: SapPage): HttpPlace {
    const { messageServerPort, tls } = this.#settings
    if (page !== 'messageServer') return this.#place(sapPages[page], portOf(this.#settings), tls !== 'off')
    if (messageServerPort === undefined)
      throw new TargetError('configuration', `the connector to ${this.target} names no message server`)
    return this.#place(sapPages[page], messageServerPort, false)
  }

  #place(path: string, port: number, secure: boolean): HttpPlace {
    const { host, client } = this.#settings
    const query = client === undefined ? '' : `?sap-client=${client}`
    return readPlace(new URL(`${secure ? 'https' : 'http'}://${hostPort(host, port)}${path}${query}`))
  }

  #send(
    place: HttpPlace,
    sending: { readonly method: string; readonly body: string | undefined; readonly maxBodyBytes: number },
    withUser: boolean,
    signal: AbortSignal,
  ): Promise<HttpExchanged> {
    const { body } = sending
    const headers = {
      'user-agent': 'Farwatch',
      accept: '*/*',
      ...(body === undefined
        ? {}
        : {
            'content-type': 'text/xml; charset=utf-8',
            'content-length': String(Buffer.byteLength(body)),
            soapaction: '""',
          }),
      ...(withUser && this.#user !== undefined
        ? { authorization: `Basic ${Buffer.from(`${this.#user.username}:${this.#user.secret}`).toString('base64')}` }
        : {}),
    }
    return exchange(place, this.#way, { ...sending, headers }, signal)
  }

  #admitted(seen: HttpExchanged): HttpExchanged {
    if (seen.status !== 401) return seen
    throw new TargetError(
      'credentials',
      this.#user === undefined
        ? `${this.target} wants a user: give the connector one`
        : `${this.target} refused the user ${this.#user.username}`,
    )
  }

  #masked(text: string): string {
    const secret = this.#user?.secret ?? ''
    return secret === '' ? text : text.replaceAll(secret, '•••')
  }
}
