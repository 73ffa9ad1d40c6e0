export { capacityOf } from './cost.ts'
export type { AgentMachine, CostTask } from './cost.ts'
export { previewAssociations, uncoveredGroups, weakGroups } from './coverage-preview.ts'
export type { AssociationPreview, CoverageFacts, UncoveredGroup, WeakGroup } from './coverage-preview.ts'
export type {
  AdminState,
  PlacementAgent,
  PlacementConnector,
  PlacementGroup,
  Reach,
  Registration,
  RuntimeState,
} from './eligibility.ts'
export { explain, loadsOf } from './explain.ts'
export type { Explanation } from './explain.ts'
export { Grants, openGrants } from './grants.ts'
export type { GrantsOptions } from './grants.ts'
export { defaultLeaseSettings, shortestOfflineTimeoutMs } from './leases.ts'
export type { AgentLife, Drain, LeaseSettings } from './leases.ts'
export { defaultPlacementSettings, nowhere, place, runs } from './placement.ts'
export type { MassLoss, Place, Placement, PlacementInput, PlacementSettings } from './placement.ts'
export { openDistribution } from './distribution.ts'
export type {
  AgentCall,
  AgentState,
  AssignmentScope,
  Distribution,
  DistributionChange,
  DistributionOptions,
  DrainEnd,
  RegisteredAgent,
  Work,
  WorkConnector,
} from './distribution.ts'
export type { DistributionProblem } from './problems.ts'
export { distributionSchema } from './schema.ts'
export type { AgentFacts } from './schema.ts'
