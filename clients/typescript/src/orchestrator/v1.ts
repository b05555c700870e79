/** The messages and services of `spotreel.orchestrator.v1`: jobs, assets, instances, offers. */
export * from "../gen/spotreel/orchestrator/v1/asset_pb.js";
export * from "../gen/spotreel/orchestrator/v1/asset_service_pb.js";
export * from "../gen/spotreel/orchestrator/v1/instance_pb.js";
export * from "../gen/spotreel/orchestrator/v1/instance_service_pb.js";
export * from "../gen/spotreel/orchestrator/v1/job_pb.js";
export * from "../gen/spotreel/orchestrator/v1/job_service_pb.js";
export * from "../gen/spotreel/orchestrator/v1/offer_service_pb.js";
