/** The messages of `spotreel.media.v1`: sources, operations, outputs. */
export * from "../gen/spotreel/media/v1/media_info_pb.js";
export * from "../gen/spotreel/media/v1/operation_pb.js";
export * from "../gen/spotreel/media/v1/output_pb.js";
export * from "../gen/spotreel/media/v1/source_pb.js";
