export { Connections, StaleConnection } from './connection.ts'
export type { ConnectionOptions, Got, Sent, Trust } from './connection.ts'
export { acceptedEncoding, encodings, pack, unpack } from './packing.ts'
export type { Encoding, Packed } from './packing.ts'
export { reader } from './reader.ts'
export { openKey, sealKey } from './sealed-key.ts'
export {
  ReplayGuard,
  bodyHash,
  claimedRequest,
  readPublicKey,
  signRequest,
  signatureHeader,
  verified,
  verifiedByRequestKey,
  windowMs,
} from './signing.ts'
export type { ClaimedRequest, Claims, RequestKey, Signer } from './signing.ts'
