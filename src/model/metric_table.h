// Every number that marea publishes, one row each: id, name as Prometheus sees it, type, unit, labels, help. A new one
// is a row here and whoever counts it; docs/metrics.md is compared with this table by a test.
//
// Names end as Prometheus wants them: _total for a counter, the base unit before that. A unit of `nanoseconds` travels
// as whole nanoseconds and is printed in seconds. Labels are bounded: services and revisions in use, instances alive,
// and words of closed lists.
#pragma once

// clang-format off
#define MAREA_METRICS(X) \
  X(requests, "marea_requests_total", counter, one, "service,revision,code", "Requests that ended, by class of the status that the caller got; none: it got no answer") \
  X(request_time, "marea_request_duration_seconds", histogram, nanoseconds, "service,revision", "From a request's head to the end of its answer") \
  X(request_bytes, "marea_request_bytes_total", counter, one, "service,revision", "Bytes of requests' bodies taken from callers") \
  X(response_bytes, "marea_response_bytes_total", counter, one, "service,revision", "Bytes of answers given to callers, heads included") \
  X(queue_time, "marea_queue_duration_seconds", histogram, nanoseconds, "service,revision", "Of the requests that waited for a slot: how long they waited") \
  X(queue_length, "marea_queue_length", gauge, one, "service,revision", "Requests that wait for a slot now") \
  X(queue_bytes, "marea_queue_bytes", gauge, one, "service,revision", "Bytes that the connections of these requests hold") \
  X(in_flight, "marea_requests_in_flight", gauge, one, "service,revision", "Requests in instances now") \
  X(refused, "marea_refused_total", counter, one, "reason", "Requests that router answered by itself, by cause") \
  X(limit_hits, "marea_limit_hits_total", counter, one, "limit", "How often a limit was met; docs/limits.md lists them") \
  X(connections, "marea_connections", gauge, one, "", "Callers' connections that are open") \
  X(connections_accepted, "marea_connections_accepted_total", counter, one, "", "Callers' connections that were accepted") \
  X(records_dropped, "marea_request_records_dropped_total", counter, one, "", "Records of requests that could not be written in time") \
  X(log_bytes_dropped, "marea_log_bytes_dropped_total", counter, one, "", "Bytes of the apps' output that were beyond log-bytes") \
  X(instances, "marea_instances", gauge, one, "service,revision,state", "Instances by state") \
  X(instances_wanted, "marea_instances_wanted", gauge, one, "service,revision", "Instances that control's plan wants") \
  X(instance_starts, "marea_instance_starts_total", counter, one, "service,revision", "Instances that were begun") \
  X(instance_start_failures, "marea_instance_start_failures_total", counter, one, "service,revision,reason", "Instances that ended before they served") \
  X(instance_start_time, "marea_instance_start_duration_seconds", histogram, nanoseconds, "service,revision", "From an instance's beginning to its readiness") \
  X(instance_ends, "marea_instance_ends_total", counter, one, "service,revision,reason", "Instances that ended after they had served") \
  X(instance_in_flight, "marea_instance_requests_in_flight", gauge, one, "service,revision,instance", "Requests in the instance now") \
  X(instance_requests, "marea_instance_requests_total", counter, one, "service,revision,instance", "Requests that the instance was given") \
  X(instance_cpu, "marea_instance_cpu_seconds_total", counter, nanoseconds, "service,revision,instance", "CPU time of the instance's processes") \
  X(instance_memory, "marea_instance_memory_peak_bytes", gauge, one, "service,revision,instance", "The most memory the instance has had") \
  X(instance_memory_now, "marea_instance_memory_bytes", gauge, one, "service,revision,instance", "Memory that the instance has now") \
  X(role_up, "marea_role_up", gauge, one, "role", "1: the role is connected to control") \
  X(role_restarts, "marea_role_restarts_total", counter, one, "role", "How often the role started anew since control started") \
  X(scrape_missing, "marea_scrape_missing", gauge, one, "role", "1: the role did not give its own numbers in time; they are absent here")
// clang-format on
