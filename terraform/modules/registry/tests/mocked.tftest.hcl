mock_provider "aws" {
  source = "../../testing"
}

mock_provider "aws" {
  alias  = "replica"
  source = "../../testing"
}

run "outputs_name_every_repository" {
  variables {
    repositories = ["inference", "model-tools"]
  }

  assert {
    condition     = keys(output.urls) == ["inference", "model-tools"] && keys(output.arns) == keys(output.urls)
    error_message = "Each repository has its URL and ARN."
  }
}
