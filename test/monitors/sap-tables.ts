/**
 * Tables of an ABAP system and views of HANA as their dictionaries describe them, as far as they are read here, to be made in a PostgreSQL. So
 * the statements are really run, by a database that is not the one they are meant for: grammar, grouping and arithmetic are shown by it,
 * not what a HANA makes of them.
 */
export const abapTables = `
CREATE SCHEMA sapabap1;
SET search_path = sapabap1;
CREATE TABLE snap (datum varchar(8), uzeit varchar(6), ahost varchar(32), uname varchar(12), mandt varchar(3), modno int,
                   seqno varchar(3), xhold varchar(1), flist varchar(200));
CREATE TABLE tbtco (jobname varchar(32), jobcount varchar(8), status varchar(1), authckman varchar(3),
                    sdlstrtdt varchar(8), sdlstrttm varchar(6), strtdate varchar(8), strttime varchar(6),
                    enddate varchar(8), endtime varchar(6), sdluname varchar(12));
CREATE TABLE vbhdr (vbkey varchar(32), vbmandt varchar(3), vbusr varchar(12), vbreport varchar(40), vbtcode varchar(20),
                    vbrc int, vbstate smallint, vbdate varchar(14));
CREATE TABLE arfcsstate (arfcipid varchar(8), arfcpid varchar(4), arfctime varchar(8), arfctidcnt varchar(4),
                         arfcdest varchar(32), arfcluwcnt varchar(8), arfcstate varchar(8), arfcfnam varchar(30),
                         arfcuzeit varchar(6), arfcdatum varchar(8), arfcuser varchar(12), arfcmsg varchar(50));
CREATE TABLE trfcqout (mandt varchar(3), qname varchar(24), dest varchar(32), qcount varchar(24), qstate varchar(8),
                       qrfcuser varchar(12), qrfcfnam varchar(30), qrfcdatum varchar(8), qrfcuzeit varchar(6));
CREATE TABLE trfcqin (mandt varchar(3), qname varchar(24), qcount varchar(24), qstate varchar(8),
                      qrfcuser varchar(12), qrfcfnam varchar(30), qrfcdatum varchar(8), qrfcuzeit varchar(6));
CREATE TABLE edidc (mandt varchar(3), docnum varchar(16), status varchar(2), direct varchar(1), mestyp varchar(30),
                    credat varchar(8), cretim varchar(6), upddat varchar(8), updtim varchar(6));
CREATE TABLE tsp01 (rqident int, rqclient varchar(3));
CREATE TABLE tsp02 (pjident int, pjnummer smallint, pjdest varchar(4), pjcreatime varchar(16), pjstatus varchar(1),
                    pjfinadone smallint, pjfinaserr smallint, pjfinaherr smallint, pjclient varchar(3));
CREATE TABLE "/BIC/AZSALES00" (mandt varchar(3), amount numeric);
`

export const hanaViews = `
CREATE SCHEMA sys;
CREATE SCHEMA _sys_statistics;
CREATE SCHEMA sys_databases;
CREATE TABLE sys_databases.m_services (database_name text, host text, port int, service_name text, coordinator_type text, sql_port int);
CREATE FUNCTION seconds_between(a timestamptz, b timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE
  AS 'SELECT extract(epoch FROM b - a)::bigint';
CREATE FUNCTION add_seconds(a timestamptz, b int) RETURNS timestamptz LANGUAGE sql IMMUTABLE
  AS 'SELECT a + b * interval ''1 second''';
CREATE FUNCTION days_between(a date, b timestamptz) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT (b::date - a)::bigint';
CREATE FUNCTION to_nvarchar(a text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT a';
SET search_path = sys;
CREATE TABLE m_services (host text, port int, service_name text, active_status text);
CREATE TABLE m_databases (database_name text, active_status text);
CREATE TABLE m_database (system_id text, database_name text, host text, start_time timestamptz, version text);
CREATE TABLE m_host_resource_utilization (host text, free_physical_memory bigint, used_physical_memory bigint,
  free_swap_space bigint, used_swap_space bigint, allocation_limit bigint, instance_total_memory_used_size bigint,
  instance_total_memory_peak_used_size bigint, total_cpu_user_time bigint, total_cpu_system_time bigint,
  total_cpu_wio_time bigint, total_cpu_idle_time bigint);
CREATE TABLE m_service_memory (host text, port int, service_name text, total_memory_used_size bigint,
  heap_memory_used_size bigint, effective_allocation_limit bigint, allocation_limit bigint);
CREATE TABLE m_service_component_memory (host text, port int, component text, used_memory_size bigint);
CREATE TABLE m_rs_memory (host text, port int, category text, allocated_size bigint, free_size bigint);
CREATE TABLE m_out_of_memory_events (host text, time timestamptz);
CREATE TABLE m_disks (host text, usage_type text, path text, total_size bigint, used_size bigint);
CREATE TABLE m_disk_usage (host text, usage_type text, used_size bigint);
CREATE TABLE m_volume_files (host text, port int, file_name text, file_type text, used_size bigint, total_size bigint);
CREATE TABLE _sys_statistics.statistics_current_alerts (alert_id int, alert_name text, alert_host text, alert_port text,
  alert_rating int, alert_details text, alert_timestamp timestamptz);
CREATE TABLE _sys_statistics.statistics_schedule (id int, latest_start_servertime timestamptz);
CREATE TABLE m_service_replication (host text, port int, secondary_site_name text, secondary_host text, secondary_port int,
  secondary_active_status text, replication_mode text, replication_status text, operation_mode text,
  last_log_position bigint, last_log_position_time timestamptz, shipped_log_position bigint,
  shipped_log_position_time timestamptz, replayed_log_position_time timestamptz, secondary_reconnect_count bigint,
  backlog_size bigint, async_buffer_full_count bigint);
CREATE TABLE m_backup_catalog (entry_id bigint, backup_id bigint, entry_type_name text, sys_start_time timestamptz,
  sys_end_time timestamptz, state_name text, message text);
CREATE TABLE m_backup_catalog_files (entry_id bigint, backup_id bigint, source_type_name text, backup_size bigint);
CREATE TABLE m_license (product_name text, product_limit bigint, product_usage bigint, expiration_date timestamptz,
  permanent text, valid text, locked_down text);
CREATE TABLE m_blocked_transactions (blocked_time timestamptz, waiting_schema_name text, waiting_object_name text);
CREATE TABLE m_active_statements (statement_status text, last_executed_time timestamptz);
CREATE TABLE m_transactions (transaction_status text, transaction_type text, start_time timestamptz, update_transaction_id bigint);
CREATE TABLE m_savepoints (host text, port int, start_time timestamptz, duration bigint, critical_phase_duration bigint);
CREATE TABLE m_log_segments (host text, port int, state text);
CREATE TABLE m_volume_io_total_statistics (host text, port int, type text, path text, total_writes bigint,
  total_trigger_async_writes bigint, total_write_time bigint, total_reads bigint, total_trigger_async_reads bigint,
  total_read_time bigint, total_failed_reads bigint, total_failed_writes bigint);
CREATE TABLE m_cs_unloads (reason text, unload_time timestamptz);
CREATE TABLE m_delta_merge_statistics (type text, start_time timestamptz, success text, last_error int, execution_time bigint);
CREATE TABLE m_cs_tables (host text, schema_name text, table_name text, part_id int, record_count bigint,
  memory_size_in_delta bigint, memory_size_in_total bigint);
CREATE TABLE m_sql_plan_cache (host text, port int, statement_hash text, statement_string text, execution_count bigint,
  total_execution_time bigint, total_lock_wait_duration bigint);
CREATE TABLE m_expensive_statements (start_time timestamptz, duration_microsec bigint);
CREATE TABLE m_connections (connection_type text, connection_status text);
CREATE TABLE m_inifile_contents (file_name text, section text, "KEY" text, value text);
`
