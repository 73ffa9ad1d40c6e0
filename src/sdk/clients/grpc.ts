import type { CertificateFacts } from './http.ts'

/** `SERVICE_UNKNOWN`: the server does not know a service of that name. */
export const grpcStates = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const
export type GrpcState = (typeof grpcStates)[number]

export interface GrpcHealth {
  /** Milliseconds until the connection was open; the handshake of TLS counts apart. */
  readonly connect: number
  readonly tls?: number
  readonly certificate?: CertificateFacts
  readonly services: readonly {
    readonly service: string
    readonly state: GrpcState
    /** Milliseconds from the question to the answer. */
    readonly duration: number
  }[]
}

export interface GrpcClient {
  readonly target: string
  /**
   * Asks for the health of services by the standard health checking protocol (grpc.health.v1), one after the other over one connection.
   * An empty name stands for the server as a whole. Throws TargetError; `configuration` where the server does not offer the protocol.
   */
  health(services: readonly string[], signal: AbortSignal): Promise<GrpcHealth>
}
