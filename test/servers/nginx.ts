import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { MadeCertificate } from './certificates.ts'
import { freePort, listening, run, scratch } from './processes.ts'

export interface Nginx {
  readonly port: number
  /** Present where a certificate was given. */
  readonly tlsPort: number | undefined
  readonly url: string
  stop(): Promise<void>
}

/** Locations that every one of these servers has; `locations` adds further ones in nginx' own language. */
const usual = `
  location = / { default_type text/plain; return 200 "welcome\\n"; }
  location = /json { default_type application/json; return 200 '{"hits": 42, "queue": {"length": "7"}, "ok": true}'; }
  location = /broken { return 503 "out of order\\n"; }
  location = /moved { return 302 /; }
  location = /loop { return 302 /loop; }
`

/** One of the addresses at which a server with `hosts` listens, `i` counted from 0. */
export function loopbackHost(i: number): string {
  return `127.0.${1 + Math.floor(i / 250)}.${1 + (i % 250)}`
}

/**
 * A real nginx on a free port, and with TLS on another where a certificate is given.
 * @param options `hosts`: how many further addresses of loopback it listens at with the same port, as so many machines would
 */
export async function startNginx(
  options: { certificate?: MadeCertificate; locations?: string; hosts?: number } = {},
): Promise<Nginx> {
  const directory = await scratch('nginx')
  const port = await freePort()
  const tlsPort = options.certificate === undefined ? undefined : await freePort()
  const file = (name: string) => join(directory.path, name)
  try {
    await mkdir(file('tmp'))
    if (options.certificate !== undefined) {
      await writeFile(file('tls.pem'), options.certificate.certificate)
      await writeFile(file('tls.key'), options.certificate.key)
    }
    const further = (port: string) =>
      Array.from({ length: options.hosts ?? 0 }, (_, i) => `listen ${loopbackHost(i)}:${port};`).join(' ')
    const tls =
      tlsPort === undefined
        ? ''
        : `listen 127.0.0.1:${tlsPort} ssl; ${further(`${tlsPort} ssl`)} ssl_certificate ${file('tls.pem')}; ssl_certificate_key ${file('tls.key')};`
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((kind) => `${kind}_temp_path ${file('tmp')}/${kind};`)
      .join(' ')
    await writeFile(
      file('nginx.conf'),
      `daemon off; worker_processes 1; pid ${file('nginx.pid')}; error_log stderr warn;
events { worker_connections 16384; }
http {
  access_log off; ${temporary}
  server { listen 127.0.0.1:${port}; ${further(String(port))} ${tls} ${usual} ${options.locations ?? ''} }
}
`,
    )
    const server = run('/usr/sbin/nginx', ['-p', directory.path, '-c', file('nginx.conf'), '-e', 'stderr'])
    const stop = async () => {
      await server.stop()
      await directory.remove()
    }
    try {
      await listening(port, server)
    } catch (error) {
      await stop()
      throw error
    }
    return { port, tlsPort, url: `http://127.0.0.1:${port}`, stop }
  } catch (error) {
    await directory.remove()
    throw error
  }
}
