# terraform destroy of a protected environment stops here, before anything is touched.
# docs/runbooks/destroy-an-environment.md says how to mean it.
resource "terraform_data" "guard" {
  count = local.on.protected && var.guard ? 1 : 0

  input = "${local.name} is not destroyed by one command"

  lifecycle {
    prevent_destroy = true
  }
}
