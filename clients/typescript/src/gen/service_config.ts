export const serviceConfig = {
  "methodConfig": [
    {
      "name": [
        {"service": "spotreel.orchestrator.v1.JobService", "method": "GetJob"},
        {"service": "spotreel.orchestrator.v1.JobService", "method": "ListJobs"},
        {"service": "spotreel.orchestrator.v1.JobService", "method": "CancelJob"},
        {"service": "spotreel.orchestrator.v1.JobService", "method": "DeleteJob"},
        {"service": "spotreel.orchestrator.v1.AssetService", "method": "GetUpload"},
        {"service": "spotreel.orchestrator.v1.AssetService", "method": "GetAsset"},
        {"service": "spotreel.orchestrator.v1.AssetService", "method": "ListAssets"},
        {"service": "spotreel.orchestrator.v1.AssetService", "method": "DeleteAsset"},
        {"service": "spotreel.orchestrator.v1.InstanceService", "method": "ListInstances"},
        {"service": "spotreel.orchestrator.v1.InstanceService", "method": "GetInstance"},
        {"service": "spotreel.orchestrator.v1.InstanceService", "method": "DrainInstance"},
        {"service": "spotreel.orchestrator.v1.InstanceService", "method": "DestroyInstance"},
        {"service": "spotreel.worker.v1.WorkerService", "method": "GetTask"},
        {"service": "spotreel.worker.v1.WorkerService", "method": "ListTasks"},
        {"service": "spotreel.worker.v1.WorkerService", "method": "GetTaskInput"},
        {"service": "spotreel.worker.v1.WorkerService", "method": "CancelTask"},
        {"service": "spotreel.worker.v1.WorkerService", "method": "DeleteTask"}
      ],
      "timeout": "15s",
      "retryPolicy": {
        "maxAttempts": 4,
        "initialBackoff": "0.2s",
        "maxBackoff": "3s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]
      }
    },
    {
      "name": [
        {"service": "spotreel.orchestrator.v1.JobService", "method": "CreateJob"},
        {"service": "spotreel.orchestrator.v1.JobService", "method": "QuoteJob"},
        {"service": "spotreel.orchestrator.v1.OfferService", "method": "SearchOffers"},
        {"service": "spotreel.worker.v1.WorkerService", "method": "GetCapabilities"},
        {"service": "spotreel.worker.v1.WorkerService", "method": "StartTask"}
      ],
      "timeout": "30s",
      "retryPolicy": {
        "maxAttempts": 4,
        "initialBackoff": "0.2s",
        "maxBackoff": "3s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]
      }
    }
  ]
}
;
