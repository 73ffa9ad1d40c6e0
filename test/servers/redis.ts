import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { MadeCertificate } from './certificates.ts'
import { freePort, listening, run, scratch } from './processes.ts'

export interface RedisServer {
  readonly port: number
  /** Present where a certificate was given. */
  readonly tlsPort: number | undefined
  stop(): Promise<void>
}

/** A real Redis on a free port, without persistence. `configuration` is appended to its file. */
export async function startRedis(
  options: { configuration?: string; certificate?: MadeCertificate; isSentinel?: boolean } = {},
): Promise<RedisServer> {
  const directory = await scratch('redis')
  const port = await freePort()
  const tlsPort = options.certificate === undefined ? undefined : await freePort()
  const file = (name: string) => join(directory.path, name)
  try {
    if (options.certificate !== undefined) {
      await writeFile(file('tls.pem'), options.certificate.certificate)
      await writeFile(file('tls.key'), options.certificate.key)
    }
    const tls =
      tlsPort === undefined
        ? ''
        : `tls-port ${tlsPort}\ntls-cert-file ${file('tls.pem')}\ntls-key-file ${file('tls.key')}\ntls-auth-clients no`
    await writeFile(
      file('redis.conf'),
      `bind 127.0.0.1\nport ${port}\ndir ${directory.path}\nsave ""\n${tls}\n${options.configuration ?? ''}\n`,
    )
    await chmod(directory.path, 0o755)
    const server = run('redis-server', [file('redis.conf'), ...(options.isSentinel === true ? ['--sentinel'] : [])])
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
    return { port, tlsPort, stop }
  } catch (error) {
    await directory.remove()
    throw error
  }
}
