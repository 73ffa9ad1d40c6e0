import type { HttpClient } from './http.ts'

/** What each connector type hands to its monitors. To add one: its interface in a file here, and a line below. */
export interface ConnectorClients {
  http: HttpClient
}

export type ConnectorType = keyof ConnectorClients
export type * from './http.ts'
