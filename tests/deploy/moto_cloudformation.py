"""moto's server with a CloudFormation that makes what a template says, by moto's own API and nothing else.

moto's CloudFormation knows few kinds of resource, and of those it knows it leaves out most properties (a machine's
metadata options, a bucket's encryption). Here each kind is made through boto3 over the server's socket, so that every
property of a template is checked against the real API's shapes and can be read back by a test. A property that the API
doesn't have is an error.

`python moto_cloudformation.py -p PORT`
"""

import base64
import functools
import ipaddress
import json
import os
import re
import time
import traceback

import boto3
import flask
import moto.server
from moto.cloudformation import models, parsing
from moto.core.common_models import CloudFormationModel
from moto.elasticache import elasticache_backends

NAME = "AWS::{}::{}"


def fitted(value, shape):
    """A template's value as the API takes it: a parameter's "8" as 8, and names in the API's letters."""
    if shape.type_name == "structure":
        members = {name.lower(): name for name in shape.members}
        unknown = [name for name in value if name.lower() not in members]
        assert not unknown, f"{shape.name} has no {unknown}"
        return {members[name.lower()]: fitted(one, shape.members[members[name.lower()]]) for name, one in value.items()}
    if shape.type_name == "list":
        return [fitted(one, shape.member) for one in value]
    if shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name in ("float", "double"):
        return float(value)
    if shape.type_name == "boolean":
        return value if isinstance(value, bool) else {"true": True, "false": False}[value]
    if shape.type_name == "string":
        return str(value)
    return value


class Api:
    """One service of this very server."""

    def __init__(self, service, region):
        address = f"http://127.0.0.1:{os.environ['MOTO_PORT']}"
        self.client = boto3.client(
            service, region, endpoint_url=address, aws_access_key_id="test", aws_secret_access_key="test"
        )

    def __getattr__(self, operation):
        def call(**properties):
            name = self.client.meta.method_to_api_mapping[operation]
            shape = self.client.meta.service_model.operation_model(name).input_shape
            return getattr(self.client, operation)(**fitted(properties, shape))

        return call


api_of = functools.cache(Api)


def kind(service, name):
    """Teaches one kind of resource: a function of (api, name, properties) gives Ref, attributes and the undoing."""

    def teach(make):
        type_name = NAME.format(service, name)

        def create(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
            made = cls()
            # As CloudFormation names things; moto's own names may begin with a dash.
            resource_name = f"{kwargs['StackId'].split('/')[1]}-{kwargs['LogicalId']}-1"[-32:].strip("-")
            properties = {key: value for key, value in cloudformation_json["Properties"].items()}
            made.ref, made.attributes, made.undo = make(
                lambda service: api_of(service, region_name), resource_name, properties
            )
            return made

        def attribute(self, wanted):
            return self.attributes[wanted]

        members = {
            "cloudformation_type": staticmethod(lambda: type_name),
            "cloudformation_name_type": staticmethod(lambda: ""),
            "has_cfn_attr": classmethod(lambda cls, wanted: True),
            "create_from_cloudformation_json": classmethod(create),
            "get_cfn_attribute": attribute,
            "physical_resource_id": property(lambda self: self.ref),
            "is_created": lambda self: True,
            "delete": lambda self, account, region: self.undo(),
        }
        # moto finds kinds among the subclasses, where the last of a name counts. Kept, so that it stays one.
        make.kind = type(name, (CloudFormationModel,), members)
        return make

    return teach


def tagged(resource, properties):
    """A template's tags as EC2 takes them."""
    tags = properties.pop("Tags", [])
    return {"TagSpecifications": [{"ResourceType": resource, "Tags": tags}]} if tags else {}


# ---- EC2


@kind("EC2", "VPC")
def vpc(api, name, given):
    ec2, dns = api("ec2"), {key: given.pop(key) for key in ("EnableDnsSupport", "EnableDnsHostnames") if key in given}
    made = ec2.create_vpc(**tagged("vpc", given), **given)["Vpc"]["VpcId"]
    for key, value in dns.items():
        ec2.modify_vpc_attribute(VpcId=made, **{key: {"Value": value}})
    # What AWS gives when asked for; moto has an address at once.
    attributes = {"CidrBlock": given["CidrBlock"], "Ipv6CidrBlocks": ["2406:da12:1:4300::/56"]}
    return made, attributes, lambda: ec2.delete_vpc(VpcId=made)


@kind("EC2", "VPCCidrBlock")
def vpc_cidr_block(api, name, given):
    ec2 = api("ec2")
    made = ec2.associate_vpc_cidr_block(**given)["Ipv6CidrBlockAssociation"]["AssociationId"]
    return made, {}, lambda: ec2.disassociate_vpc_cidr_block(AssociationId=made)


@kind("EC2", "Subnet")
def subnet(api, name, given):
    ec2, public = api("ec2"), given.pop("MapPublicIpOnLaunch", False)
    made = ec2.create_subnet(**tagged("subnet", given), **given)["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=made, MapPublicIpOnLaunch={"Value": public})
    return made, {}, lambda: ec2.delete_subnet(SubnetId=made)


@kind("EC2", "InternetGateway")
def internet_gateway(api, name, given):
    ec2 = api("ec2")
    made = ec2.create_internet_gateway(**tagged("internet-gateway", given))["InternetGateway"]["InternetGatewayId"]
    return made, {}, lambda: ec2.delete_internet_gateway(InternetGatewayId=made)


@kind("EC2", "VPCGatewayAttachment")
def gateway_attachment(api, name, given):
    ec2 = api("ec2")
    ec2.attach_internet_gateway(**given)
    return name, {}, lambda: ec2.detach_internet_gateway(**given)


@kind("EC2", "RouteTable")
def route_table(api, name, given):
    ec2 = api("ec2")
    made = ec2.create_route_table(**tagged("route-table", given), **given)["RouteTable"]["RouteTableId"]
    return made, {}, lambda: ec2.delete_route_table(RouteTableId=made)


@kind("EC2", "SubnetRouteTableAssociation")
def route_table_association(api, name, given):
    ec2 = api("ec2")
    made = ec2.associate_route_table(**given)["AssociationId"]
    return made, {}, lambda: ec2.disassociate_route_table(AssociationId=made)


@kind("EC2", "Route")
def route(api, name, given):
    ec2 = api("ec2")
    ec2.create_route(**given)
    where = {key: value for key, value in given.items() if key in ("DestinationCidrBlock", "DestinationIpv6CidrBlock")}
    table = given["RouteTableId"]
    return f"{table}|{where}", {}, lambda: ec2.delete_route(RouteTableId=table, **where)


def permission(rule):
    """A rule of a template as one of the API."""
    said = {"Description": rule["Description"]}
    made = {key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort")}
    if "CidrIp" in rule:
        made["IpRanges"] = [{"CidrIp": rule["CidrIp"]} | said]
    if "CidrIpv6" in rule:
        made["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"]} | said]
    for key in ("SourceSecurityGroupId", "DestinationSecurityGroupId"):
        if key in rule:
            made["UserIdGroupPairs"] = [{"GroupId": rule[key]} | said]
    return made


def closed(ec2, group):
    """Takes the rules away that let everything out, as CloudFormation does."""
    rules = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
    ec2.client.revoke_security_group_egress(GroupId=group, IpPermissions=rules)


@kind("EC2", "SecurityGroup")
def security_group(api, name, given):
    ec2 = api("ec2")
    made = ec2.create_security_group(GroupName=name, Description=given["GroupDescription"], VpcId=given["VpcId"])[
        "GroupId"
    ]
    if "SecurityGroupIngress" in given:
        rules = [permission(rule) for rule in given["SecurityGroupIngress"]]
        ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=rules)
    if "SecurityGroupEgress" in given:
        closed(ec2, made)
        rules = [permission(rule) for rule in given["SecurityGroupEgress"]]
        ec2.authorize_security_group_egress(GroupId=made, IpPermissions=rules)
    return made, {"GroupId": made}, lambda: ec2.delete_security_group(GroupId=made)


@kind("EC2", "EIP")
def address(api, name, given):
    ec2 = api("ec2")
    made = ec2.allocate_address(**tagged("elastic-ip", given), **given)
    allocation = made["AllocationId"]
    return made["PublicIp"], {"AllocationId": allocation}, lambda: ec2.release_address(AllocationId=allocation)


@kind("EC2", "NetworkInterface")
def network_interface(api, name, given):
    ec2 = api("ec2")
    given["Groups"] = given.pop("GroupSet")
    made = ec2.create_network_interface(**tagged("network-interface", given), **given)["NetworkInterface"]
    interface = made["NetworkInterfaceId"]
    return interface, {}, lambda: ec2.delete_network_interface(NetworkInterfaceId=interface)


@kind("EC2", "EIPAssociation")
def address_association(api, name, given):
    ec2 = api("ec2")
    made = ec2.associate_address(**given)["AssociationId"]
    return made, {}, lambda: ec2.disassociate_address(AssociationId=made)


@kind("EC2", "Instance")
def instance(api, name, given):
    ec2 = api("ec2")
    given["IamInstanceProfile"] = {"Name": given["IamInstanceProfile"]}
    given["CreditSpecification"] = {"CpuCredits": given["CreditSpecification"].pop("CPUCredits")}
    # boto3 encodes it again.
    given["UserData"] = base64.b64decode(given["UserData"]).decode()
    assert len(given["UserData"]) < 16384, "EC2 takes no more user data"
    assert given.pop("PropagateTagsToVolumeOnCreation") is True
    specifications = tagged("instance", given)
    made = ec2.run_instances(MinCount=1, MaxCount=1, **given, **specifications)["Instances"][0]["InstanceId"]
    return made, {}, lambda: ec2.terminate_instances(InstanceIds=[made])


@kind("EC2", "LaunchTemplate")
def launch_template(api, name, given):
    ec2 = api("ec2")
    assert len(base64.b64decode(given["LaunchTemplateData"]["UserData"])) < 16384, "EC2 takes no more user data"
    made = ec2.create_launch_template(LaunchTemplateName=name, **given)["LaunchTemplate"]
    attributes = {"LatestVersionNumber": str(made["LatestVersionNumber"])}
    template = made["LaunchTemplateId"]
    return template, attributes, lambda: ec2.delete_launch_template(LaunchTemplateId=template)


@kind("EC2", "VPCEndpoint")
def vpc_endpoint(api, name, given):
    ec2 = api("ec2")
    made = ec2.create_vpc_endpoint(**given)["VpcEndpoint"]["VpcEndpointId"]
    return made, {}, lambda: ec2.delete_vpc_endpoints(VpcEndpointIds=[made])


# ---- Databases, balancers, groups of machines


@kind("SecretsManager", "Secret")
def secret(api, name, given):
    secrets = api("secretsmanager")
    if generated := given.pop("GenerateSecretString", None):
        fields, key = json.loads(generated.pop("SecretStringTemplate")), generated.pop("GenerateStringKey")
        fields[key] = secrets.get_random_password(**generated)["RandomPassword"]
        given["SecretString"] = json.dumps(fields)
    made = secrets.create_secret(Name=name, **given)["ARN"]
    return made, {}, lambda: secrets.delete_secret(SecretId=made, ForceDeleteWithoutRecovery=True)


@kind("RDS", "DBSubnetGroup")
def database_subnets(api, name, given):
    rds = api("rds")
    made = rds.create_db_subnet_group(DBSubnetGroupName=name.lower(), **given)["DBSubnetGroup"]["DBSubnetGroupName"]
    return made, {}, lambda: rds.delete_db_subnet_group(DBSubnetGroupName=made)


@kind("RDS", "DBInstance")
def database(api, name, given):
    rds, made = api("rds"), name.lower()
    given["VpcSecurityGroupIds"] = given.pop("VPCSecurityGroups")
    deletes = {"DeleteAutomatedBackups": given.pop("DeleteAutomatedBackups")}
    rds.create_db_instance(DBInstanceIdentifier=made, **given)
    endpoint = rds.describe_db_instances(DBInstanceIdentifier=made)["DBInstances"][0]["Endpoint"]

    def undo():
        picture = f"{made}-final-{time.time_ns()}"
        rds.delete_db_instance(DBInstanceIdentifier=made, FinalDBSnapshotIdentifier=picture, **deletes)

    return made, {"Endpoint.Address": endpoint["Address"]}, undo


def forget(what, name, cache):
    """Ends what moto's API can't delete, or says for good that it is being deleted."""
    getattr(elasticache_backends["123456789012"][cache.client.meta.region_name], what).pop(name)


@kind("ElastiCache", "SubnetGroup")
def cache_subnets(api, name, given):
    cache = api("elasticache")
    given["CacheSubnetGroupDescription"] = given.pop("Description")
    made = cache.create_cache_subnet_group(CacheSubnetGroupName=name.lower(), **given)["CacheSubnetGroup"]
    return made["CacheSubnetGroupName"], {}, lambda: forget("cache_subnet_groups", made["CacheSubnetGroupName"], cache)


@kind("ElastiCache", "ReplicationGroup")
def replication_group(api, name, given):
    cache, made = api("elasticache"), name.lower()
    cache.create_replication_group(ReplicationGroupId=made, **given)
    # What AWS makes of a name; moto has none for this kind of group.
    address = {"PrimaryEndPoint.Address": f"master.{made}.abcdef.apn2.cache.amazonaws.com"}

    def undo():
        cache.delete_replication_group(ReplicationGroupId=made)
        forget("replication_groups", made, cache)

    return made, address, undo


@kind("ElasticLoadBalancingV2", "LoadBalancer")
def balancer(api, name, given):
    elb, attributes = api("elbv2"), given.pop("LoadBalancerAttributes")
    made = elb.create_load_balancer(Name=name, **given)["LoadBalancers"][0]
    arn = made["LoadBalancerArn"]
    # moto's bucket can't be asked whether it lets the balancer write, so it's asked by a test.
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=attributes)
    known = {
        "DNSName": made["DNSName"],
        "CanonicalHostedZoneID": made["CanonicalHostedZoneId"],
        "LoadBalancerFullName": arn.split(":loadbalancer/")[1],
    }
    return arn, known, lambda: elb.delete_load_balancer(LoadBalancerArn=arn)


@kind("ElasticLoadBalancingV2", "TargetGroup")
def target_group(api, name, given):
    elb, attributes = api("elbv2"), given.pop("TargetGroupAttributes")
    arn = elb.create_target_group(Name=name, **given)["TargetGroups"][0]["TargetGroupArn"]
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=attributes)
    known = {"TargetGroupFullName": arn.rsplit(":", 1)[1]}
    return arn, known, lambda: elb.delete_target_group(TargetGroupArn=arn)


@kind("ElasticLoadBalancingV2", "Listener")
def listener(api, name, given):
    elb = api("elbv2")
    arn = elb.create_listener(**given)["Listeners"][0]["ListenerArn"]
    return arn, {}, lambda: elb.delete_listener(ListenerArn=arn)


@kind("AutoScaling", "AutoScalingGroup")
def group(api, name, given):
    autoscaling = api("autoscaling")
    metrics = given.pop("MetricsCollection")
    given["VPCZoneIdentifier"] = ",".join(given["VPCZoneIdentifier"])
    autoscaling.create_auto_scaling_group(AutoScalingGroupName=name, **given)
    for one in metrics:
        autoscaling.enable_metrics_collection(AutoScalingGroupName=name, **one)
    return name, {}, lambda: autoscaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)


@kind("AutoScaling", "ScalingPolicy")
def scaling_policy(api, name, given):
    autoscaling, of = api("autoscaling"), given["AutoScalingGroupName"]
    autoscaling.put_scaling_policy(PolicyName=name, **given)
    return name, {}, lambda: autoscaling.delete_policy(AutoScalingGroupName=of, PolicyName=name)


@kind("WAFv2", "WebACL")
def web_acl(api, name, given):
    waf = api("wafv2")
    made = waf.create_web_acl(Name=name, **given)["Summary"]

    def undo():
        token = waf.get_web_acl(Name=name, Scope=given["Scope"], Id=made["Id"])["LockToken"]
        waf.delete_web_acl(Name=name, Scope=given["Scope"], Id=made["Id"], LockToken=token)

    return f"{name}|{made['Id']}|{given['Scope']}", {"Arn": made["ARN"]}, undo


@kind("WAFv2", "WebACLAssociation")
def web_acl_association(api, name, given):
    waf = api("wafv2")
    waf.associate_web_acl(**given)
    return name, {}, lambda: waf.disassociate_web_acl(ResourceArn=given["ResourceArn"])


# ---- IAM


@kind("IAM", "Role")
def role(api, name, given):
    iam = api("iam")
    trust = json.dumps(given["AssumeRolePolicyDocument"])
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    for policy in given.get("ManagedPolicyArns", []):
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    for policy in given["Policies"]:
        document = json.dumps(policy["PolicyDocument"])
        iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)

    def undo():
        for policy in given.get("ManagedPolicyArns", []):
            iam.detach_role_policy(RoleName=name, PolicyArn=policy)
        for policy in given["Policies"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy["PolicyName"])
        iam.delete_role(RoleName=name)

    return name, {"Arn": arn}, undo


# ---- Storage and logs


@kind("S3", "Bucket")
def bucket(api, name, given):
    s3, made = api("s3"), name.lower()
    s3.create_bucket(
        Bucket=made,
        CreateBucketConfiguration={"LocationConstraint": s3.client.meta.region_name},
        ObjectOwnership=given.pop("OwnershipControls")["Rules"][0]["ObjectOwnership"],
    )
    rules = given.pop("BucketEncryption")["ServerSideEncryptionConfiguration"]
    rules = [{"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]} for rule in rules]
    s3.put_bucket_encryption(Bucket=made, ServerSideEncryptionConfiguration={"Rules": rules})
    s3.put_public_access_block(Bucket=made, PublicAccessBlockConfiguration=given.pop("PublicAccessBlockConfiguration"))
    if "VersioningConfiguration" in given:
        s3.put_bucket_versioning(Bucket=made, VersioningConfiguration=given.pop("VersioningConfiguration"))
    rules = given.pop("LifecycleConfiguration")["Rules"]
    for rule in rules:
        rule["ID"] = rule.pop("Id")
        rule["Filter"] = {"Prefix": ""}
        if "ExpirationInDays" in rule:
            rule["Expiration"] = {"Days": rule.pop("ExpirationInDays")}
        if "ExpiredObjectDeleteMarker" in rule:
            rule["Expiration"] = {"ExpiredObjectDeleteMarker": rule.pop("ExpiredObjectDeleteMarker")}
    s3.put_bucket_lifecycle_configuration(Bucket=made, LifecycleConfiguration={"Rules": rules})
    assert not given, f"not made: {given}"
    return made, {"Arn": f"arn:aws:s3:::{made}"}, lambda: s3.delete_bucket(Bucket=made)


@kind("S3", "BucketPolicy")
def bucket_policy(api, name, given):
    s3, where = api("s3"), given["Bucket"]
    s3.put_bucket_policy(Bucket=where, Policy=json.dumps(given["PolicyDocument"]))
    return where, {}, lambda: s3.delete_bucket_policy(Bucket=where)


@kind("Logs", "LogGroup")
def log_group(api, name, given):
    logs, made = api("logs"), given["LogGroupName"]
    logs.create_log_group(logGroupName=made)
    logs.put_retention_policy(logGroupName=made, retentionInDays=given["RetentionInDays"])
    arn = logs.describe_log_groups(logGroupNamePrefix=made)["logGroups"][0]["arn"]
    return made, {"Arn": arn}, lambda: logs.delete_log_group(logGroupName=made)


@kind("Logs", "MetricFilter")
def metric_filter(api, name, given):
    logs, group = api("logs"), given["LogGroupName"]
    logs.put_metric_filter(FilterName=name, **given)
    return name, {}, lambda: logs.delete_metric_filter(logGroupName=group, filterName=name)


@kind("CloudWatch", "Alarm")
def alarm(api, name, given):
    cloudwatch = api("cloudwatch")
    cloudwatch.put_metric_alarm(AlarmName=name, **given)
    return name, {}, lambda: cloudwatch.delete_alarms(AlarmNames=[name])


@kind("SNS", "Topic")
def topic(api, name, given):
    sns = api("sns")
    made = sns.create_topic(Name=name)["TopicArn"]
    for one in given["Subscription"]:
        sns.subscribe(TopicArn=made, **one)

    def undo():
        for one in sns.client.list_subscriptions_by_topic(TopicArn=made)["Subscriptions"]:
            sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
        sns.delete_topic(TopicArn=made)

    return made, {}, undo


# ---- What moto's reading of templates lacks

clean = parsing.clean_json


def clean_json(value, resources):
    """moto's, with Fn::Cidr for IPv6, attributes of more than one word, and secrets in texts."""
    if isinstance(value, dict) and "Fn::GetAtt" in value:
        # moto reads Endpoint.Address as Endpoint.
        resource, *words = value["Fn::GetAtt"]
        return clean({"Fn::GetAtt": [resource, ".".join(words)]}, resources)
    if isinstance(value, dict) and "Fn::Cidr" in value:
        block, count, bits = (clean_json(part, resources) for part in value["Fn::Cidr"])
        network = ipaddress.ip_network(block)
        subnets = network.subnets(new_prefix=network.max_prefixlen - int(bits))
        return [str(next(subnets)) for _ in range(int(count))]
    made = clean(value, resources)
    return SECRET.sub(lambda found: secret_value(resources, *found.groups()), made) if isinstance(made, str) else made


SECRET = re.compile(r"\{\{resolve:secretsmanager:([^{}]+):SecretString:(\w+)\}\}")


def secret_value(resources, secret, key):
    """One field of a secret."""
    secrets = api_of("secretsmanager", resources["AWS::Region"])
    return json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"])[key]


# moto hasn't the parameters that Canonical keeps.
UBUNTU = "/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id"
IMAGE = "ami-12c6146b"


def parse_ssm_parameter(self, value, value_type):
    """The image for Canonical's name of it, and for no other name; as a previous value moto gives the image."""
    return {UBUNTU: IMAGE, IMAGE: IMAGE}[value]


def remove(resources, keeping):
    """Deletes a stack's resources in the opposite order of creation, as CloudFormation does; moto's has no order."""
    for name, resource in reversed(list(resources._parsed_resources.items())):
        if isinstance(resource, CloudFormationModel):
            said = resources._resource_json_map[name]
            if not (keeping and said.get("DeletionPolicy") == "Retain"):
                resources._delete_resource(resource, said)
                del resources._parsed_resources[name]


def release(resource, region):
    """Lets go of what is protected from being deleted, which an update would change in place."""
    kind = getattr(resource, "cf_resource_type", None)
    if kind == "AWS::RDS::DBInstance":
        rds = api_of("rds", region)
        rds.modify_db_instance(DBInstanceIdentifier=resource.ref, DeletionProtection=False)
        # moto names its automatic snapshots by the minute, so a database that is made anew would trip over the first.
        for one in rds.describe_db_snapshots(DBInstanceIdentifier=resource.ref)["DBSnapshots"]:
            rds.delete_db_snapshot(DBSnapshotIdentifier=one["DBSnapshotIdentifier"])
    if kind == "AWS::ElasticLoadBalancingV2::LoadBalancer":
        off = [{"Key": "deletion_protection.enabled", "Value": "false"}]
        api_of("elbv2", region).modify_load_balancer_attributes(LoadBalancerArn=resource.ref, Attributes=off)


def update(resources, template, parameters=None):
    """Makes everything anew: enough to see that a template takes new parameters, and nothing of what CloudFormation
    would change in place."""
    for resource in resources._parsed_resources.values():
        release(resource, resources._region_name)
    remove(resources, keeping=False)
    fresh = parsing.ResourceMap(
        resources.stack_id,
        resources["AWS::StackName"],
        resources.input_parameters | (parameters or {}),
        resources.tags,
        resources._region_name,
        resources._account_id,
        template,
        resources.cross_stack_resources,
    )
    resources.__dict__ = fresh.__dict__
    resources.load()
    resources.create(template)


def apply(change_set):
    """As moto's; but the stack then has the outputs of its new template, too."""
    change_set.stack.resource_map.update(change_set.template_dict, change_set.parameters)
    change_set.stack.template = change_set.template
    change_set.stack.template_dict = change_set.template_dict
    change_set.stack.parameters = change_set.stack.resource_map.input_parameters
    change_set.stack.output_map = change_set.stack._create_output_map()


parsing.clean_json = clean_json
parsing.ResourceMap.delete = lambda resources: remove(resources, keeping=True)
parsing.ResourceMap.update = update
models.ChangeSet.apply = apply
parsing.ResourceMap.parse_ssm_parameter = parse_ssm_parameter
# Else a failure is a bare 500.
flask.Flask.log_exception = lambda self, info: traceback.print_exception(*info)

if __name__ == "__main__":
    moto.server.main()
